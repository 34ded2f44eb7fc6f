"""The engine that a module has been lowered to."""

from xdsl.dialects.func import FuncOp
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import dataflow
from tf2c.engine import Engine
from tf2c.errors import UserError


def stated_engine(function: FuncOp) -> Engine:
    """Return the engine that a function's module states.

    Raises:
        UserError: it states none.
    """
    try:
        return dataflow.engine_of(function)
    except VerifyException as error:
        raise UserError(str(error), hint="run `convert-shift-to-dataflow` first") from error
