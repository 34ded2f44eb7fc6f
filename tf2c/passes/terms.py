"""How many terms the weights of a layer shall have: a note on the layer until they are rounded."""

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Operation

TERMS = "shift.terms"
"""The attribute's name."""


def chosen_terms(layer: Operation) -> int | None:
    """Return what has been chosen for a layer; None if nothing has."""
    found = layer.attributes.get(TERMS)
    return found.value.data if isinstance(found, IntegerAttr) else None


def choose_terms(layer: Operation, terms: int) -> None:
    """Note how many terms a layer's weights shall have."""
    layer.attributes[TERMS] = IntegerAttr(terms, i64)
