"""What `tf2c bisect` prints for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from tf2c.bisection import Bisection, LayerDifference

AROUND = 5
"""Layers that are shown in front of the first difference, and behind it."""


def layers(found: "Bisection") -> Table:
    """The layers around the first one that differs; all of them if none does."""
    table = Table(title=f"{escape(found.a)} beside {escape(found.b)}")
    table.add_column("layer", overflow="fold")
    for column in ("elements", "differ", "largest difference"):
        table.add_column(column, justify="right")
    for each in _shown(found.layers, found.first):
        table.add_row(
            escape(each.layer),
            str(each.elements),
            str(each.differences),
            f"{each.largest:g}",
            style="red" if each is found.first else None,
        )
    return table


def _shown(
    every: Sequence["LayerDifference"], first: "LayerDifference | None"
) -> Sequence["LayerDifference"]:
    if first is None:
        return every
    place = every.index(first)
    return every[max(place - AROUND, 0) : place + AROUND + 1]


def passes(found: "Bisection") -> Table:
    """What each pass between the stages changed."""
    table = Table(title="the passes between, one by one")
    for column in ("pass", "contract", "first layer that differs", "allowed"):
        table.add_column(column, overflow="fold")
    for each in found.passes:
        table.add_row(
            each.name,
            each.contract,
            "" if each.first is None else escape(each.first.layer),
            "yes" if each.is_allowed else "no",
            style=None if each.is_allowed else "red",
        )
    return table


def verdict(found: "Bisection") -> str:
    """The answer, in a line for the layer and one for the pass."""
    first = found.first
    images = f" of {found.images} images"
    if first is None:
        lines = [f"identical in {sum(each.elements for each in found.layers)} elements{images}"]
    else:
        lines = [
            f"first in layer `{first.layer}`: {first.differences} of {first.elements} elements "
            f"differ, by up to {first.largest:g}; the first is {first.index}: {first.a:g} beside "
            f"{first.b:g}"
        ]
    first_pass, broken = found.first_pass, found.first_broken_pass
    if first_pass is not None and first_pass.first is not None:
        allowed = "its contract allows that" if first_pass.is_allowed else "its contract forbids it"
        lines.append(
            f"first behind pass `{first_pass.name}` ({first_pass.contract}), in layer "
            f"`{first_pass.first.layer}`: {allowed}"
        )
    if broken is not None and broken is not first_pass:
        lines.append(f"pass `{broken.name}` ({broken.contract}) breaks its contract")
    return "\n".join(lines)
