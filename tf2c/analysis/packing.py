"""Placing blocks that live for a while in as little room as possible."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple


class Block(NamedTuple):
    """Something that needs room for a while."""

    begin: int
    end: int
    """The last time at which it needs it."""
    size: int

    def meets(self, other: "Block") -> bool:
        """Whether both live at some time."""
        return self.begin <= other.end and other.begin <= self.end


Pair = tuple[int, int]
"""Indices of two blocks."""

ORDERS: tuple[Callable[[Block], tuple[int, ...]], ...] = (
    lambda block: (-block.size, block.begin),
    lambda block: (-(block.end - block.begin), -block.size),
    lambda block: (-(block.end - block.begin + 1) * block.size, block.begin),
    lambda block: (block.begin, -block.size),
)
"""In which blocks are placed: the large, the lasting, those of both, and the early ones first."""


def pack(blocks: Sequence[Block], apart: Collection[Pair] = (), page: int = 1) -> list[int]:
    """Return where each block begins, so that those that live at once do not overlap.

    First fit, from the best of several orders; `alive_at_once` is a bound for any packing.

    Args:
        blocks: to place.
        apart: pairs of them that have no page in common.
        page: size of a page.
    """

    def extent(places: list[int]) -> int:
        return max((p + each.size for p, each in zip(places, blocks, strict=True)), default=0)

    return min((_first_fit(blocks, order, apart, page) for order in ORDERS), key=extent)


def alive_at_once(blocks: Sequence[Block]) -> int:
    """Return the most room that blocks need at one time: no packing needs less."""
    times = {block.begin for block in blocks}
    return max(
        (sum(each.size for each in blocks if each.begin <= time <= each.end) for time in times),
        default=0,
    )


def _first_fit(
    blocks: Sequence[Block],
    order: Callable[[Block], tuple[int, ...]],
    apart: Collection[Pair],
    page: int,
) -> list[int]:
    places = [0] * len(blocks)
    placed: list[int] = []
    for index in sorted(range(len(blocks)), key=lambda index: order(blocks[index])):
        block = blocks[index]
        taken: list[tuple[int, int]] = []
        for other in placed:
            begin, end = places[other], places[other] + blocks[other].size
            if (index, other) in apart or (other, index) in apart:
                taken.append((begin // page * page, -(-end // page) * page))
            elif block.meets(blocks[other]):
                taken.append((begin, end))
        place = 0
        for begin, end in sorted(taken):
            if place + block.size <= begin:
                break
            place = max(place, end)
        places[index] = place
        placed.append(index)
    return places
