"""Places of blocks that live for a while."""

from hypothesis import given
from hypothesis import strategies as st

from tf2c.analysis.packing import Block, alive_at_once, pack

times = st.integers(0, 12)


@st.composite
def blocks_of_any_kind(draw: st.DrawFn) -> Block:
    begin, end = sorted((draw(times), draw(times)))
    return Block(begin, end, draw(st.integers(1, 50)))


def overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


@given(st.lists(blocks_of_any_kind(), max_size=12), st.integers(1, 20), st.data())
def test_what_lives_at_once_or_is_kept_apart_does_not_overlap(
    blocks: list[Block], page: int, data: st.DataObject
) -> None:
    indices = range(len(blocks))
    every = [(one, other) for one in indices for other in range(one)]
    choices: list[tuple[int, int]] = data.draw(st.lists(st.sampled_from(every or [(0, 0)])))
    apart = {pair for pair in choices[:4] if pair in every}
    places = pack(blocks, apart, page)
    spans = [(place, place + each.size) for place, each in zip(places, blocks, strict=True)]
    pages = [(begin // page, -(-end // page)) for begin, end in spans]
    for one, other in every:
        if blocks[one].meets(blocks[other]):
            assert not overlap(spans[one], spans[other])
        if (one, other) in apart:
            assert not overlap(pages[one], pages[other])
    assert min(places, default=0) >= 0
    assert max((end for _, end in spans), default=0) >= alive_at_once(blocks)


def test_a_place_is_used_again_as_soon_as_it_is_free() -> None:
    chain = [Block(time, time + 1, 10) for time in range(6)]
    places = pack(chain)
    assert {*places} == {0, 10}
    assert alive_at_once(chain) == 20


def test_blocks_that_fit_between_others_lie_there() -> None:
    blocks = [Block(0, 9, 30), Block(0, 4, 20), Block(0, 9, 10), Block(5, 9, 20)]
    places = pack(blocks)
    assert max(p + each.size for p, each in zip(places, blocks, strict=True)) == 60
    assert alive_at_once(blocks) == 60
