"""How tensors and weights lie in an engine's memories."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_reference import canonical_codes

from tf2c.engine import Engine
from tf2c.numerics import pow2

ENGINES = st.tuples(st.sampled_from([2, 4, 8, 16]), st.integers(1, 4)).map(
    lambda sizes: Engine(filter_vector=sizes[0] * sizes[1], channel_vector=sizes[0])
)
EXTENTS = st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 4), st.integers(1, 4))
SEEDS = st.integers(0, 2**32 - 1)


@given(ENGINES, EXTENTS, SEEDS)
def test_load_features_undoes_store_features(
    engine: Engine, extents: tuple[int, int, int, int], seed: int
) -> None:
    tensor = np.random.default_rng(seed).integers(-128, 128, extents, np.int8)
    loaded = engine.load_features(engine.store_features(tensor), *extents[1:])
    assert loaded.dtype == np.int8
    assert loaded.tolist() == tensor.tolist()


@given(ENGINES, EXTENTS)
def test_stored_features_have_the_size_that_is_reserved(
    engine: Engine, extents: tuple[int, int, int, int]
) -> None:
    stored = engine.store_features(np.zeros(extents, np.int8))
    assert stored.shape == (extents[0], engine.feature_elements(*extents[1:]))


def test_store_features_keeps_the_channels_of_a_group_together() -> None:
    tensor = np.array([[[[1, 2]], [[3, 4]], [[5, 6]]]], np.int8)
    stored = Engine(filter_vector=4, channel_vector=2).store_features(tensor)
    assert stored.tolist() == [[1, 3, 2, 4, 5, 0, 6, 0]]


class Layer(NamedTuple):
    """Weights of a convolution, in codes and in numbers."""

    codes: npt.NDArray[np.uint8]
    values: npt.NDArray[np.int8]
    group: int
    terms: int

    @property
    def channels(self) -> int:
        return self.codes.shape[1] * self.group

    def dense(self) -> npt.NDArray[np.int8]:
        """The weights for all channels, zero for those that a filter does not see."""
        filters, seen, *kernel = self.values.shape
        dense = np.zeros((filters, self.channels, *kernel), np.int8)
        for filter_ in range(filters):
            first = filter_ // (filters // self.group) * seen
            dense[filter_, first : first + seen] = self.values[filter_]
        return dense


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Draw canonical codes for a convolution of any kind: one group, grouped, depthwise."""
    terms = draw(st.integers(1, 2))
    group = draw(st.sampled_from([1, 1, 2, 3, 4, 8, 16]))
    shape = [group * draw(st.integers(1, 5)), draw(st.integers(1, 5))]
    shape += [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
    values, codes = zip(*canonical_codes(terms).items(), strict=True)
    random = np.random.default_rng(draw(SEEDS))
    drawn = random.integers(0, len(codes), shape)
    return Layer(
        np.array(codes, np.uint8)[drawn], np.array(values)[drawn].astype(np.int8), group, terms
    )


def loaded_densely(engine: Engine, layer: Layer) -> npt.NDArray[np.int8]:
    """Store weights, load them, and put each tile's channels to their places."""
    filters, _, *kernel = layer.codes.shape
    tiling = engine.tiling(filters, layer.channels, layer.group)
    tiles = engine.filter_tiles(filters)
    packed = np.frombuffer(engine.store_weights(layer.codes, layer.group, layer.terms), np.uint8)
    words = tiles * tiling.groups * kernel[0] * kernel[1] * layer.terms
    assert packed.size == words * engine.weight_word_bytes
    loaded = engine.load_weights(packed, tiles, tiling.groups, (kernel[0], kernel[1]), layer.terms)
    vectors = max(engine.channel_groups(layer.channels), (tiles - 1) * tiling.step + tiling.groups)
    dense = np.zeros((len(loaded), vectors * engine.channel_vector, *kernel), np.int8)
    for tile in range(tiles):
        own = slice(tile * engine.filter_vector, (tile + 1) * engine.filter_vector)
        first = tile * tiling.step * engine.channel_vector
        dense[own, first : first + loaded.shape[1]] = loaded[own]
    return dense


@given(ENGINES, layers())
def test_load_weights_undoes_store_weights(engine: Engine, layer: Layer) -> None:
    filters = len(layer.codes)
    dense = loaded_densely(engine, layer)
    assert dense[:filters, : layer.channels].tolist() == layer.dense().tolist()


@given(ENGINES, layers())
def test_lanes_beyond_the_tensor_hold_zero_weights(engine: Engine, layer: Layer) -> None:
    dense = loaded_densely(engine, layer)
    assert np.count_nonzero(dense) == np.count_nonzero(layer.values)


@given(ENGINES, layers())
def test_tiles_read_all_channels_that_their_filters_see(engine: Engine, layer: Layer) -> None:
    filters, seen = layer.codes.shape[:2]
    tiling = engine.tiling(filters, layer.channels, layer.group)
    for filter_ in range(filters):
        channel = filter_ // (filters // layer.group) * seen
        first = filter_ // engine.filter_vector * tiling.step * engine.channel_vector
        assert first <= channel
        assert channel + seen <= first + tiling.groups * engine.channel_vector


@pytest.mark.parametrize(
    ("filters", "channels", "group", "tiling"),
    [
        # One group, or parts that are no whole vectors: every tile reads everything.
        (32, 24, 1, (3, 0)),
        (32, 24, 2, (3, 0)),
        (40, 40, 5, (2, 2)),
        (24, 24, 24, (2, 2)),
        (16, 16, 16, (2, 2)),
        # Two filters per channel: a tile of 16 sees one vector of 8.
        (48, 24, 24, (1, 1)),
        # Three: 16 is no multiple of it.
        (72, 24, 24, (3, 0)),
        # Four filters and two channels per part: a tile sees four parts, one vector.
        (64, 32, 16, (1, 1)),
        # Sixteen filters and four channels per part: half a vector would be seen.
        (32, 8, 2, (1, 0)),
        (48, 48, 3, (2, 2)),
        # More filters per part than a tile has.
        (64, 32, 2, (4, 0)),
    ],
)
def test_tiling_is_known(filters: int, channels: int, group: int, tiling: tuple[int, int]) -> None:
    assert Engine().tiling(filters, channels, group) == tiling


def test_store_weights_puts_the_terms_of_a_vector_one_behind_the_other() -> None:
    engine = Engine(filter_vector=2, channel_vector=2)
    codes = np.full((1, 3, 1, 1), 0x77, np.uint8)
    codes[0, 0], codes[0, 2] = 0x12, 0x76
    stored = engine.store_weights(codes, terms=2)
    words = [stored[start : start + 2].hex() for start in range(0, len(stored), 2)]
    assert words == ["7277", "7177", "7677", "7777"]


def test_store_weights_of_a_depthwise_layer_is_a_diagonal_per_tile() -> None:
    engine = Engine(filter_vector=2, channel_vector=2)
    codes = np.array([1, 2, 3, 4], np.uint8).reshape(4, 1, 1, 1)
    stored = engine.store_weights(codes, group=4)
    words = [stored[start : start + 2].hex() for start in range(0, len(stored), 2)]
    assert words == ["7127", "7347"]


@given(ENGINES, EXTENTS)
def test_stored_weights_are_whole_words(engine: Engine, extents: tuple[int, int, int, int]) -> None:
    filters, channels, height, width = extents
    words = engine.filter_tiles(filters) * height * width * engine.channel_groups(channels)
    stored = engine.store_weights(np.zeros(extents, np.uint8))
    assert len(stored) == words * engine.weight_word_bytes


def test_store_weights_orders_words_by_tile_row_column_and_group() -> None:
    engine = Engine(filter_vector=2, channel_vector=2)
    codes = np.full((3, 3, 1, 2), pow2.ZERO_CODE, np.uint8)
    codes[0, 0, 0, 0], codes[1, 1, 0, 0], codes[0, 2, 0, 0] = 1, 2, 3
    codes[0, 0, 0, 1], codes[2, 0, 0, 0] = 4, 5
    words = [engine.store_weights(codes)[start : start + 2].hex() for start in range(0, 16, 2)]
    assert words == ["7127", "7377", "7477", "7777", "7577", "7777", "7777", "7777"]


@pytest.mark.parametrize(("channels", "groups"), [(1, 1), (8, 1), (9, 2), (16, 2), (17, 3)])
def test_channel_groups_cover_the_channels(channels: int, groups: int) -> None:
    assert Engine(channel_vector=8).channel_groups(channels) == groups


@pytest.mark.parametrize(("filters", "tiles"), [(1, 1), (16, 1), (17, 2), (48, 3)])
def test_filter_tiles_cover_the_filters(filters: int, tiles: int) -> None:
    assert Engine(filter_vector=16).filter_tiles(filters) == tiles


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"channel_vector": 0}, "`channel_vector` of 2, 4, 8, 16, got 0"),
        ({"channel_vector": 1}, "`channel_vector` of 2, 4, 8, 16, got 1"),
        ({"channel_vector": 6, "filter_vector": 6}, "`channel_vector` of 2, 4, 8, 16, got 6"),
        ({"channel_vector": 32, "filter_vector": 32}, "`channel_vector` of 2, 4, 8, 16, got 32"),
        ({"channel_vector": -2}, "`channel_vector` of 2, 4, 8, 16, got -2"),
        ({"pixel_vector": 0}, "`pixel_vector` >= 1, got 0"),
        ({"largest_split": 0}, "`largest_split` >= 1, got 0"),
        ({"filter_vector": 12}, "`filter_vector` to be a multiple of 8, got 12"),
        ({"filter_vector": 0}, "`filter_vector`"),
        ({"filter_vector": -8}, "`filter_vector`"),
        ({"weight_depth": 0}, "`weight_depth` >= 1, got 0"),
        ({"channel_depth": 0}, "`channel_depth` >= 1, got 0"),
    ],
)
def test_illegal_sizes_are_refused(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Engine(**sizes)


@pytest.mark.parametrize(
    ("pixels", "largest", "splits"),
    [(14, 2, (1, 2)), (15, 3, (1, 3)), (15, 2, (1,)), (16, 4, (1, 2, 4)), (12, 4, (1, 2, 3, 4))],
)
def test_splits_divide_the_pixels(pixels: int, largest: int, splits: tuple[int, ...]) -> None:
    engine = Engine(pixel_vector=pixels, largest_split=largest)
    assert engine.splits == splits
    for parts in splits:
        seen = engine.split(parts)
        assert seen.filter_vector * seen.pixel_vector == engine.filter_vector * pixels
