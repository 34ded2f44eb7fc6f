"""How tensors and weights lie in an engine's memories."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf2c.engine import Engine
from tf2c.numerics import pow2

ENGINES = st.tuples(st.sampled_from([2, 4, 6, 8]), st.integers(1, 4)).map(
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


@given(ENGINES, EXTENTS, SEEDS)
def test_load_weights_undoes_store_weights(
    engine: Engine, extents: tuple[int, int, int, int], seed: int
) -> None:
    filters, channels, *_ = extents
    codes = np.random.default_rng(seed).integers(0, 15, extents, np.uint8)
    packed = np.frombuffer(engine.store_weights(codes), np.uint8)
    tiles, groups = engine.filter_tiles(filters), engine.channel_groups(channels)
    loaded = engine.load_weights(packed, tiles, groups, extents[2:])
    assert loaded[:filters, :channels].tolist() == codes.tolist()


@given(ENGINES, EXTENTS)
def test_lanes_beyond_the_tensor_hold_zero_weights(
    engine: Engine, extents: tuple[int, int, int, int]
) -> None:
    filters, channels, *_ = extents
    packed = np.frombuffer(engine.store_weights(np.zeros(extents, np.uint8)), np.uint8)
    tiles, groups = engine.filter_tiles(filters), engine.channel_groups(channels)
    loaded = engine.load_weights(packed, tiles, groups, extents[2:])
    assert np.count_nonzero(loaded != pow2.ZERO_CODE) == np.prod(extents)


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
        ({"channel_vector": 0}, "even `channel_vector`"),
        ({"channel_vector": 1}, "even `channel_vector`"),
        ({"channel_vector": 3, "filter_vector": 6}, "even `channel_vector`"),
        ({"channel_vector": -2}, "even `channel_vector`"),
        ({"filter_vector": 12}, "`filter_vector` to be a multiple of 8, got 12"),
        ({"filter_vector": 0}, "`filter_vector`"),
        ({"filter_vector": -8}, "`filter_vector`"),
        ({"weight_depth": 0}, "`weight_depth` 0"),
        ({"channel_depth": 0}, "`channel_depth` 0"),
    ],
)
def test_illegal_sizes_are_refused(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Engine(**sizes)
