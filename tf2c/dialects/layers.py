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


_AND = " + "


def joint_name(*names: str) -> str:
    """Return what to call what several layers are together."""
    return _AND.join(names)


def is_joint(name: str) -> bool:
    """Whether a name is of several layers."""
    return _AND in name


def names_within(name: str) -> list[str]:
    """Return the layers that a name is of, if it is of several."""
    return name.split(_AND) if is_joint(name) else []
