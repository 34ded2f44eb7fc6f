"""Constants as numpy arrays."""

from typing import Any

import numpy.typing as npt
from xdsl.ir import SSAValue

from tf2c.dialects import graph, int8, shift
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.layers import layer_name
from tf2c.errors import UserError

ConstantOp = graph.ConstantOp | int8.ConstantOp | shift.ConstantOp


def constant_blob(value: SSAValue) -> BlobAttr:
    """Return the attribute that holds the elements of a constant.

    Raises:
        UserError: the value is computed.
    """
    if not isinstance(value.owner, ConstantOp):
        user = next((use.operation for use in value.uses), None)
        where = f"layer `{layer_name(user)}`: " if user is not None else ""
        raise UserError(f"{where}expected constant weights, got computed ones")
    return value.owner.value


def constant_array(value: SSAValue) -> npt.NDArray[Any]:
    """Return the elements of a constant.

    Raises:
        UserError: the value is computed.
    """
    return constant_blob(value).array
