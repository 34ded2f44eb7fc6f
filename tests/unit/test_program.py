"""`program.bin`: serialization, and the check that no job reaches beyond a memory."""

import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf2c.engine import Engine
from tf2c.job_table import Job, Transfer
from tf2c.program import MAGIC, VERSION, Fold, Port, Program

ENGINE = Engine(filter_vector=4, channel_vector=2, weight_depth=9)
INT32 = st.integers(-(2**31), 2**31 - 1)

CONVOLUTION = Job(
    input_place=0,
    input_groups=1,
    input_height=4,
    input_width=4,
    input_row_planes=1,
    input_column_planes=1,
    kernel_height=3,
    kernel_width=3,
    stride_height=1,
    stride_width=1,
    dilation_height=1,
    dilation_width=1,
    pad_top=1,
    pad_left=1,
    split=1,
    tile_groups=1,
    tile_step=0,
    weight_terms=1,
    filter_tiles=1,
    convolution_height=4,
    convolution_width=4,
    order_row_planes=1,
    order_column_planes=1,
    residual_place=0,
    residual_row_planes=1,
    residual_column_planes=1,
    residual_shift=30,
    lower_bound=0,
    upper_bound=127,
    pool_height=2,
    pool_width=2,
    pool_stride_height=2,
    pool_stride_width=2,
    pool_pad_top=0,
    pool_pad_left=0,
    average_multiplier=0,
    average_lower_bound=0,
    average_upper_bound=0,
    output_row=0,
    output_groups=1,
    output_height=2,
    output_width=2,
    output_row_planes=1,
    output_column_planes=1,
    raw=0,
    returned=0,
    transfers=1,
    weight_tiles=1,
    weight_offset=0,
    parameter_offset=0,
)
"""Reads 16 channel vectors at 0, writes 4 at 16; 9 weight words, 1 parameter row."""

CLASSIFIER = CONVOLUTION._replace(
    input_place=16,
    input_height=2,
    input_width=2,
    kernel_height=2,
    kernel_width=2,
    pad_top=0,
    pad_left=0,
    filter_tiles=2,
    convolution_height=1,
    convolution_width=1,
    residual_place=-1,
    residual_shift=0,
    pool_height=1,
    pool_width=1,
    pool_stride_height=1,
    pool_stride_width=1,
    output_row=1,
    output_groups=3,
    output_height=1,
    output_width=1,
    raw=1,
    returned=1,
    weight_tiles=2,
    weight_offset=9,
    parameter_offset=1,
)
"""Reads 4 channel vectors at 16, writes 6 words at 0; 8 weight words, 2 parameter rows."""

WEIGHTS = bytes(17 * ENGINE.weight_word_bytes)

PROGRAM = Program(
    engine=ENGINE,
    cache_vectors=20,
    memory_vectors=16,
    output_words=6,
    input=Port(0, 2, 4, 4, 1, 1, wide=0, flat=0),
    fold=Fold(2, 4, 4),
    input_exponent=-7,
    output=Port(0, 5, 1, 1, 1, 1, wide=1, flat=1),
    output_exponents=np.array([-9], np.int32),
    jobs=(CONVOLUTION, CLASSIFIER),
    parameters=np.arange(24, dtype=np.int32).reshape(3, 2, 4),
    places=np.array([16, 0, 2, 4], np.int32),
    transfers=(Transfer(0, 0, 0, 16, -1),),
)
"""Uses every cell, word and row that it has."""


def changed(index: int, **fields: int) -> Program:
    jobs = list(PROGRAM.jobs)
    jobs[index] = jobs[index]._replace(**fields)
    return replace(PROGRAM, jobs=tuple(jobs))


def as_plain(program: Program) -> tuple[Any, ...]:
    """Everything in a program, in a form that can be compared."""
    return (
        program.engine,
        program.cache_vectors,
        program.memory_vectors,
        program.output_words,
        program.input,
        program.fold,
        program.input_exponent,
        program.output,
        program.output_exponents.tolist(),
        program.jobs,
        program.parameters.tolist(),
        program.places.tolist(),
        program.transfers,
    )


def test_from_bytes_undoes_to_bytes() -> None:
    assert as_plain(Program.from_bytes(PROGRAM.to_bytes())) == as_plain(PROGRAM)


@given(st.lists(st.lists(INT32, min_size=len(Job._fields), max_size=len(Job._fields)), max_size=3))
def test_any_job_table_survives(rows: list[list[int]]) -> None:
    program = replace(PROGRAM, jobs=tuple(Job(*row) for row in rows))
    assert Program.from_bytes(program.to_bytes()).jobs == program.jobs


@given(st.lists(INT32, min_size=1, max_size=8))
def test_any_output_exponents_survive(exponents: list[int]) -> None:
    program = replace(PROGRAM, output_exponents=np.array(exponents, np.int32))
    read = Program.from_bytes(program.to_bytes())
    assert (read.output_exponents.tolist(), read.jobs) == (exponents, PROGRAM.jobs)


def test_to_bytes_begins_with_magic_and_version() -> None:
    assert PROGRAM.to_bytes()[:12] == MAGIC + struct.pack("<i", VERSION)


def test_to_bytes_is_the_same_every_time() -> None:
    assert PROGRAM.to_bytes() == PROGRAM.to_bytes()


def test_a_program_cut_off_anywhere_is_refused() -> None:
    content = PROGRAM.to_bytes()
    for length in range(len(content)):
        with pytest.raises(ValueError, match="expected"):
            Program.from_bytes(content[:length])


@pytest.mark.parametrize("extra", [b"\x00", bytes(4), bytes(100)])
def test_a_program_with_something_behind_it_is_refused(extra: bytes) -> None:
    with pytest.raises(ValueError, match="bytes after the header"):
        Program.from_bytes(PROGRAM.to_bytes() + extra)


def test_another_magic_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a tf2c program"):
        Program.from_bytes(b"XXXXXXXX" + PROGRAM.to_bytes()[8:])


@pytest.mark.parametrize("version", [0, VERSION + 1])
def test_another_version_is_refused(version: int) -> None:
    content = PROGRAM.to_bytes()
    with pytest.raises(ValueError, match=f"got {version}$"):
        Program.from_bytes(content[:8] + struct.pack("<i", version) + content[12:])


@pytest.mark.parametrize(
    "word",
    [1, 2, 13, 14, 15, 16, 17],
    ids=[
        "filter vector",
        "channel vector",
        "jobs",
        "transfers",
        "parameter rows",
        "place rows",
        "exponents",
    ],
)
@pytest.mark.parametrize("value", [-1, 0, 5, 2**30])
def test_sizes_that_do_not_match_are_refused(word: int, value: int) -> None:
    content = bytearray(PROGRAM.to_bytes())
    struct.pack_into("<i", content, 8 + 4 * word, value)
    with pytest.raises(ValueError, match="expected"):
        Program.from_bytes(bytes(content))


def test_job_table_has_a_row_per_job_in_field_order() -> None:
    assert PROGRAM.job_table().tolist() == [list(CONVOLUTION), list(CLASSIFIER)]


def test_job_table_of_no_jobs_has_its_columns() -> None:
    assert replace(PROGRAM, jobs=()).job_table().shape == (0, len(Job._fields))


def test_weight_words_are_the_iterations_of_a_pixel() -> None:
    job = CONVOLUTION._replace(kernel_width=5, input_groups=9, tile_groups=4, weight_terms=2)
    assert job.weight_words == 3 * 5 * 4 * 2


@pytest.mark.parametrize(("flat", "shape"), [(0, (5, 2, 3)), (1, (30,))])
def test_port_has_the_hosts_shape(flat: int, shape: tuple[int, ...]) -> None:
    assert Port(0, 5, 2, 3, 1, 1, wide=1, flat=flat).shape == shape


MEAN = {
    "pool_height": 4,
    "pool_width": 4,
    "pool_stride_height": 4,
    "pool_stride_width": 4,
    "output_height": 1,
    "output_width": 1,
    "average_multiplier": 1 << 26,
    "average_lower_bound": -128,
    "average_upper_bound": 127,
}
"""Of the 4 x 4 pixels of a convolution."""


def test_a_mean_fits() -> None:
    changed(0, **MEAN).expect_fits(WEIGHTS)


@pytest.mark.parametrize(
    "fields",
    [
        {"pool_pad_top": 3},
        {"pool_pad_left": 1},
        {"pool_stride_height": 3},
        {"pool_height": 3},
        {"average_multiplier": -1},
        {"average_lower_bound": 128},
        {"lower_bound": 128},
    ],
)
def test_what_devices_would_average_differently_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="job 0"):
        changed(0, **MEAN | fields).expect_fits(WEIGHTS)


@pytest.mark.parametrize("multiplier", [-1, 1])
def test_a_mean_without_windows_is_refused(multiplier: int) -> None:
    with pytest.raises(ValueError, match="the extents of job 1 to agree"):
        changed(1, average_multiplier=multiplier).expect_fits(WEIGHTS)


def test_a_program_that_uses_everything_fits() -> None:
    PROGRAM.expect_fits(WEIGHTS)


@pytest.mark.parametrize(
    ("index", "fields", "what"),
    [
        (0, {"input_place": 9}, "input"),
        (0, {"input_place": -1}, "input"),
        (0, {"input_height": 6}, "input"),
        (0, {"input_width": 6}, "input"),
        (0, {"input_groups": 2}, "input"),
        (0, {"output_row": -1}, "places"),
        (1, {"output_row": 2}, "places"),
        (1, {"output_groups": 4}, "places"),
        (1, {"output_row": 0}, "output"),
        (0, {"residual_place": 9}, "residual"),
        (0, {"weight_offset": -1}, "weights"),
        (1, {"weight_offset": 10}, "weights"),
        (1, {"weight_offset": 18}, "weights"),
        (1, {"parameter_offset": 2}, "parameters"),
        (0, {"parameter_offset": -1}, "parameters"),
        (0, {"kernel_height": 4}, "weights on chip"),
        (1, {"tile_groups": 2}, "weights"),
        (1, {"weight_terms": 2}, "weights"),
    ],
)
def test_expect_fits_names_what_a_job_overruns(
    index: int, fields: dict[str, int], what: str
) -> None:
    with pytest.raises(ValueError, match=f"expected the {what} of job {index} "):
        changed(index, **fields).expect_fits(WEIGHTS)


@pytest.mark.parametrize(
    ("row", "place", "index"), [(0, 17, 0), (0, -1, 0), (1, 5, 1), (3, 6, 1), (2, -2, 1)]
)
def test_expect_fits_names_the_job_whose_place_is_wrong(row: int, place: int, index: int) -> None:
    places = PROGRAM.places.copy()
    places[row] = place
    with pytest.raises(ValueError, match=f"expected the output of job {index} within"):
        replace(PROGRAM, places=places).expect_fits(WEIGHTS)


@pytest.mark.parametrize("tiles", [0, 3])
def test_expect_fits_refuses_weights_for_some_tiles(tiles: int) -> None:
    with pytest.raises(ValueError, match="expected weights for one or all filter tiles of job 1"):
        changed(1, weight_tiles=tiles).expect_fits(WEIGHTS)


@pytest.mark.parametrize("fields", [{"output_groups": 3}, {"filter_tiles": 2}])
def test_expect_fits_refuses_tiles_that_store_nothing(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected as many filters in job 0"):
        changed(0, **fields).expect_fits(WEIGHTS)


@pytest.mark.parametrize(
    "fields",
    [
        {"output_height": PROGRAM.jobs[0].output_height + 1},
        {"stride_width": 0},
        {"pool_stride_height": 0},
        {"pool_pad_top": 9},
        {"filter_tiles": 0},
        {"dilation_height": 0},
        {"dilation_width": -1},
        {"tile_groups": 0},
        {"tile_step": -1},
        {"weight_terms": 0},
        {"weight_terms": 3},
        {"order_row_planes": 2},
        {"order_row_planes": 2**30},
        {"input_row_planes": 2, "order_row_planes": 2},  # it pools
        {"input_column_planes": 0},
    ],
)
def test_expect_fits_refuses_extents_for_which_kernels_would_wait(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected the extents of job 0 to agree"):
        changed(0, **fields).expect_fits(WEIGHTS)


@pytest.mark.parametrize(
    "fields",
    [
        {"convolution_width": 514, "output_width": 257},
        {"convolution_height": 18, "pool_height": 18, "output_height": 1, "raw": 1},
        {
            "convolution_height": 32,
            "pool_height": 9,
            "pool_stride_height": 1,
            "output_height": 24,
        },
    ],
    ids=["too wide", "32-bit numbers", "too many rows"],
)
def test_expect_fits_refuses_what_the_window_unit_cannot_hold(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected the windows of job 0 within the window unit"):
        changed(0, **fields).expect_fits(WEIGHTS)


@pytest.mark.parametrize(
    "fields",
    [
        {"cache_place": 5},
        {"cache_place": -1},
        {"memory_place": 1},
        {"memory_place": -1},
        {"vectors": 17},
        {"vectors": 0},
    ],
)
def test_expect_fits_refuses_transfers_beyond_a_memory(fields: dict[str, int]) -> None:
    transfers = (PROGRAM.transfers[0]._replace(**fields),)
    with pytest.raises(ValueError, match="transfer 0"):
        replace(PROGRAM, transfers=transfers).expect_fits(WEIGHTS)


@pytest.mark.parametrize(("transfers", "after"), [(2, -1), (-1, -1), (1, 1)])
def test_expect_fits_refuses_jobs_that_wait_for_ever(transfers: int, after: int) -> None:
    program = changed(0, transfers=transfers)
    later = (PROGRAM.transfers[0]._replace(after_jobs=after),)
    with pytest.raises(ValueError, match="expected job 0 to wait for transfers that come before"):
        replace(program, transfers=later).expect_fits(WEIGHTS)


def test_expect_fits_refuses_more_than_the_cache_holds() -> None:
    """A place may be far away, and the cache not large enough for it."""
    engine = replace(ENGINE, cache_depth=1)
    with pytest.raises(
        ValueError, match="expected at most 16 channel vectors in the cache, got 20"
    ):
        replace(PROGRAM, engine=engine).expect_fits(WEIGHTS)


def test_tiles_read_channels_of_their_own_within_the_input() -> None:
    own = {"filter_tiles": 2, "tile_step": 1, "tile_groups": 1, "weight_offset": 0}
    grouped = CLASSIFIER._replace(**own, input_groups=2, input_place=8, parameter_offset=0)
    replace(PROGRAM, jobs=(grouped,)).expect_fits(WEIGHTS)


@pytest.mark.parametrize("step", [2, 3, 2**30])
def test_expect_fits_refuses_tiles_that_begin_behind_the_input(step: int) -> None:
    """A product of tile and step that wraps around would reach in front of the memory."""
    with pytest.raises(ValueError, match="expected the extents of job 0 to agree"):
        replace(
            PROGRAM,
            jobs=(CLASSIFIER._replace(tile_step=step, input_groups=2, input_place=8),),
        ).expect_fits(WEIGHTS)


def test_expect_fits_refuses_weights_of_another_network() -> None:
    with pytest.raises(ValueError, match="expected the weights of job 1 within 16"):
        PROGRAM.expect_fits(WEIGHTS[: -ENGINE.weight_word_bytes])


@pytest.mark.parametrize("memory", ["cache_vectors", "output_words"])
def test_expect_fits_refuses_a_memory_that_is_too_small(memory: str) -> None:
    smaller = replace(PROGRAM, **{memory: getattr(PROGRAM, memory) - 1})
    with pytest.raises(ValueError, match=r"expected the .*output"):
        smaller.expect_fits(WEIGHTS)


@pytest.mark.parametrize(
    "ports",
    [
        {"input": PROGRAM.input._replace(offset=1000)},
        {"input": PROGRAM.input._replace(channels=64)},
        {"output": PROGRAM.output._replace(offset=1)},
        {"output": PROGRAM.output._replace(channels=7)},
        {"output": PROGRAM.output._replace(height=5, width=5)},
    ],
    ids=["input offset", "input size", "output offset", "output size", "larger output"],
)
def test_expect_fits_refuses_a_port_beyond_its_memory(ports: dict[str, Port]) -> None:
    with pytest.raises(ValueError, match="expected"):
        replace(PROGRAM, **ports).expect_fits(WEIGHTS)
