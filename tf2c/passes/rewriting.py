"""Replacing ops without losing the user's layer names."""

from collections.abc import Iterable, Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import BlockArgument, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from tf2c.errors import UserError
from tf2c.interpreters import ENTRY


def network_function(module: ModuleOp) -> FuncOp:
    """Return the function that is the network.

    Raises:
        UserError: there is none, or several.
    """
    functions = [op for op in module.ops if isinstance(op, FuncOp)]
    if len(functions) != 1:
        raise UserError(f"expected a module with one function, got {len(functions)}")
    return functions[0]


def network_input(module: ModuleOp) -> BlockArgument:
    """Return the network's input, for whoever executes it or looks at its images.

    Raises:
        UserError: the module is not one function called `main` from one tensor to some.
    """
    function = network_function(module)
    inputs, outputs = function.function_type.inputs.data, function.function_type.outputs.data
    if function.sym_name.data != ENTRY or len(inputs) != 1 or not outputs:
        raise UserError(
            f"expected a function `{ENTRY}` from one tensor to some, got "
            f"`{function.sym_name.data}` from {len(inputs)} to {len(outputs)}"
        )
    return function.args[0]


def insert_before(op: Operation, new_ops: Iterable[Operation], layer: Operation) -> None:
    """Insert ops in front of `op` that compute a part of `layer`, whose name they take."""
    for new in new_ops:
        new.location = layer.location
        Rewriter.insert_op(new, InsertPoint.before(op))


def replace_layer(op: Operation, new_ops: Sequence[Operation], result: SSAValue) -> None:
    """Replace a one-result op by ops that compute the same layer; the last names are kept.

    Args:
        op: the op to replace.
        new_ops: inserted in its place, with its location.
        result: takes over the uses and the name hint of its result.
    """
    insert_before(op, new_ops, layer=op)
    replace_value(op.results[0], result)
    Rewriter.erase_op(op)


def replace_value(old: SSAValue, new: SSAValue) -> None:
    """Replace all uses of a value; the new one takes over its name hint."""
    new.name_hint = old.name_hint
    old.replace_all_uses_with(new)
