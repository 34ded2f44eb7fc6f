"""The interlock beside a walk over every address that the kernels read and write."""

import numpy as np
import pytest
from unit.mixed_network import emitted, mixed_network

from tf2c.choices import DEFAULT_ENGINE
from tf2c.engine import Engine
from tf2c.interlock import interlock
from tf2c.program import Job, Program

SMALL_ENGINE = Engine(filter_vector=8, channel_vector=4, pixel_vector=20, largest_split=4)

Place = tuple[int, int]
"""Image, and channel vector of its memory."""


def place(engine: Engine, image: int, offset: int, group: int, pixel: int, size: int) -> Place:
    return image, offset // engine.channel_vector + group * size + pixel


def read_by(engine: Engine, job: Job, pixel: int) -> list[Place]:
    """Everything that a pixel of the convolution reads, for any filter."""
    image, inside = divmod(pixel, job.pixels)
    row, column = divmod(inside, job.convolution_width)
    size = job.input_height * job.input_width
    places = [
        place(engine, image, job.input_offset, group, y * job.input_width + x, size)
        for ky in range(job.kernel_height)
        for kx in range(job.kernel_width)
        for y in [row * job.stride_height - job.pad_top + ky * job.dilation_height]
        for x in [column * job.stride_width - job.pad_left + kx * job.dilation_width]
        if 0 <= y < job.input_height and 0 <= x < job.input_width
        for group in range(job.input_groups)
    ]
    if job.residual_offset >= 0:
        places += [
            place(engine, image, job.residual_offset, group, inside, job.pixels)
            for group in range(job.output_groups)
        ]
    return places


def results_of(engine: Engine, job: Job, images: int) -> list[tuple[int, list[tuple[int, int]]]]:
    """The results of a filter tile in order: behind which pixel each is sent, and what is in it."""
    vector = engine.split(job.split).pixel_vector
    size = job.output_height * job.output_width
    if not job.pools:
        pixels = range(images * job.pixels)
        return [
            (
                pixels[first : first + vector][-1],
                [divmod(each, size) for each in pixels[first : first + vector]],
            )
            for first in range(0, len(pixels), vector)
        ]
    found: list[tuple[int, list[tuple[int, int]]]] = []
    for image in range(images):
        for row in range(job.output_height):
            bottom = row * job.pool_stride_height - job.pool_pad_top + job.pool_height
            last_row = min(bottom, job.convolution_height) - 1
            last = image * job.pixels + (last_row + 1) * job.convolution_width - 1
            for first in range(0, job.output_width, vector):
                columns = range(first, min(first + vector, job.output_width))
                found.append((last, [(image, row * job.output_width + x) for x in columns]))
    return found


def walked(program: Program, images: int) -> list[list[list[int]]]:
    engine = program.engine
    stored_at: dict[Place, int] = {}
    done = 0
    tables: list[list[list[int]]] = []
    for job in program.jobs:
        seen = engine.split(job.split)
        vectors = seen.pixel_tiles(images * job.pixels)
        table = [[0, 0] for _ in range(vectors)]
        for pixel in range(images * job.pixels):
            row = table[pixel // seen.pixel_vector]
            row[0] = max(
                [row[0], *(stored_at.get(each, 0) for each in read_by(engine, job, pixel))]
            )
        results = results_of(engine, job, images)
        for last, _ in results:
            table[last // seen.pixel_vector][1] += 1
        tables.append(table)
        per_tile = seen.filter_vector // engine.channel_vector
        places = program.output_places(job).tolist()
        for tile in range(job.filter_tiles):
            for _, stored in results:
                done += 1
                for group in range(tile * per_tile, min((tile + 1) * per_tile, job.output_groups)):
                    for image, pixel in stored:
                        if not job.wide:
                            cell = places[group] // engine.channel_vector + pixel
                            stored_at[image, cell] = done
    return tables


@pytest.mark.parametrize("engine", [DEFAULT_ENGINE, SMALL_ENGINE], ids=["16x8x14", "8x4x20"])
@pytest.mark.parametrize("images", [1, 3])
def test_vectors_wait_for_the_last_result_that_they_read(engine: Engine, images: int) -> None:
    program = emitted(mixed_network(), "shift1", engine).program
    found = interlock(program, images)
    assert [rows.tolist() for rows in found.rows] == walked(program, images)
    assert found.table().tolist() == [row for rows in found.rows for row in rows.tolist()]
    assert any((np.diff(rows[:, 0]) > 0).any() for rows in found.rows)
    assert any((rows[:, 1] != 1).any() for rows in found.rows)
