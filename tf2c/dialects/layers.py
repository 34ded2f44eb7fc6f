"""Layer names: every op remembers the user's layer that it came from, as its location."""

from xdsl.dialects.builtin import NameLoc, NoneAttr, StringAttr
from xdsl.ir import Operation


def layer_name(op: Operation) -> str:
    """Return the user's name of the layer that `op` computes, or the op's own name."""
    if isinstance(op.location, NameLoc):
        return op.location.desc.data
    return op.name


def name_layer(op: Operation, name: str) -> None:
    """Give `op` the layer name `name`."""
    op.location = NameLoc(StringAttr(name), NoneAttr())
