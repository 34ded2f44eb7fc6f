"""Maxima and means that are taken of what jobs compute, before anything is stored."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from unit.mixed_network import NetworkBuilder, emitted, lowered
from xdsl.ir import SSAValue

from tf2c.analysis.cost.iterations import program_iterations
from tf2c.backends.opencl.render import render_engine
from tf2c.backends.program import emit_program
from tf2c.bisection import compare
from tf2c.capture import Runner
from tf2c.dialects import dataflow, graph, layout, tensors
from tf2c.dialects.tensors import i64_array
from tf2c.dialects.windows import PoolingWindow
from tf2c.engine import Engine
from tf2c.image_source import ArrayImages
from tf2c.interpreters import run
from tf2c.runtime.emulator import EmulatorDevice
from tf2c.runtime.opencl import Lanes
from tf2c.runtime.session import Session
from tf2c.runtime.simulator import Simulator
from tf2c.testing import Network

ENGINES = {
    "in thirds": Engine(filter_vector=8, channel_vector=4, pixel_vector=15, largest_split=3),
    "whole": Engine(filter_vector=4, channel_vector=4, pixel_vector=7, largest_split=1),
}


def whole_image(value: SSAValue) -> PoolingWindow:
    return PoolingWindow(i64_array(tensors.extents(value)[1:]))


def branches(net: NetworkBuilder, value: SSAValue, name: str) -> list[SSAValue]:
    """Three layers of one input, the first two with whole channel vectors."""
    filters = {"wide": 28, "narrow": 8, "broken": 10}
    return [net.conv(f"{name} {each}", value, filters[each], 3) for each in filters]


def pooled_branches(is_needed_unpooled: bool) -> Network:
    """Branches pooled together, and then a mean of branches together, that a layer reads."""
    net = NetworkBuilder()
    joined = net.add(
        "joined", layout.ConcatOp(branches(net, net.function.args[0], "first"), axis=1)
    )
    window = PoolingWindow(i64_array([3, 3]), i64_array([2, 2]), i64_array([1, 1, 1, 0]))
    pooled = net.add("max pool", graph.MaxPoolOp(joined, window))
    parts = branches(net, pooled, "second")
    if is_needed_unpooled:
        parts[1] = net.conv("strided", joined, 8, 3, strides=(2, 2))
    joined = net.add("joined again", layout.ConcatOp(parts, axis=1))
    mean = net.add("mean", graph.AveragePoolOp(joined, whole_image(joined)))
    return net.network(net.conv("last", mean, 20, 1))


def mean_of_sums(is_read_twice: bool) -> Network:
    """A mean of sums, which is the network's result unless the sums are read by a layer, too."""
    net = NetworkBuilder()
    first = net.conv("first", net.function.args[0], 44, 1)
    total = net.add("sum", graph.AddOp(net.conv("second", first, 44, 3), first))
    mean = net.add("mean", graph.AveragePoolOp(total, whole_image(total)))
    if is_read_twice:
        other = net.conv("other", total, 44, 1)
        peak = net.add("greatest", graph.MaxPoolOp(other, whole_image(total)))
        mean = net.add("sum of both", graph.AddOp(net.conv("of mean", mean, 44, 1), peak))
    return net.network(net.add("flatten", layout.flatten(mean)))


CASES: dict[str, tuple[Callable[[], Network], Sequence[int]]] = {
    "branches": (lambda: pooled_branches(is_needed_unpooled=False), (3, 3)),
    "branches, one unpooled": (lambda: pooled_branches(is_needed_unpooled=True), (0, 3)),
    "a result": (lambda: mean_of_sums(is_read_twice=False), (0, 1)),
    "a sum read twice": (lambda: mean_of_sums(is_read_twice=True), (1, 0)),
}
"""Networks, and how many of their jobs pool and how many take means."""

cases = pytest.mark.parametrize("case", CASES)
engines = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


@cases
@engines
def test_windows_are_taken_where_nothing_else_is_stored(case: str, engine: Engine) -> None:
    make, expected = CASES[case]
    jobs = lowered(make(), "shift1", engine)
    found = [op for op in jobs.module.walk() if isinstance(op, dataflow.JobOp)]
    pooling = [job for job in found if job.pooling != dataflow.NO_POOLING]
    # A pooling that stands by itself is a job that copies.
    copies = [job for job in pooling if job.group.value.data > 1]
    means = [job for job in found if job.average is not None]
    assert (len(pooling) - len(copies), len(means)) == tuple(expected)
    simulated = Session(Simulator(), *emit_program(jobs.module)[:2]).run(jobs.images)
    np.testing.assert_array_equal(simulated.stored, run(jobs.module, jobs.images))


@cases
@engines
def test_means_are_those_of_the_stage_before(case: str, engine: Engine) -> None:
    network = CASES[case][0]()
    program, weights, _ = emitted(network, "shift2", engine)
    simulated = Session(Simulator(), program, weights).run(network.images)
    shifted = lowered(network, "shift2", engine, last="shift")
    np.testing.assert_array_equal(simulated.stored, run(shifted.module, network.images))


@cases
@engines
@pytest.mark.parametrize("lanes", Lanes)
def test_the_emulator_takes_the_same(
    emulator_library: object, case: str, engine: Engine, lanes: Lanes
) -> None:
    network = CASES[case][0]()
    program, weights, _ = emitted(network, "shift1", engine)
    program.expect_fits(weights)
    with EmulatorDevice(render_engine(engine, "windows").encode(), lanes=lanes) as device:
        for batch in (1, 2, 3):
            simulator = Session(Simulator(), program, weights, batch)
            compared = Session(device, program, weights, batch).compare(simulator, network.images)
            assert compared.differences == 0
            expected = program_iterations(program, batch, -(-len(network.images) // batch))
            assert compared.result.iterations == expected.by_kernel


@engines
def test_a_mean_may_be_read_with_a_stride(engine: Engine) -> None:
    net = NetworkBuilder()
    first = net.conv("first", net.function.args[0], 12, 3)
    mean = net.add("mean", graph.AveragePoolOp(first, whole_image(first)))
    network = net.network(net.conv("strided", mean, 8, 1, strides=(2, 2)))
    program, weights, _ = emitted(network, "shift1", engine)
    simulated = Session(Simulator(), program, weights).run(network.images)
    shifted = lowered(network, "shift1", engine, last="shift")
    np.testing.assert_array_equal(simulated.stored, run(shifted.module, network.images))


def test_layers_that_are_pooled_together_are_not_compared_unpooled() -> None:
    """Nor is one taken for the layer in front of it."""
    net = NetworkBuilder()
    first = net.conv("first", net.function.args[0], 8, 3)
    parts = [net.conv("one", first, 8, 3), net.conv("other", first, 12, 3)]
    joined = net.add("joined", layout.ConcatOp(parts, axis=1))
    window = PoolingWindow(i64_array([3, 3]), pads=i64_array([1, 1, 1, 1]))
    pooled = net.add("max pool", graph.MaxPoolOp(joined, window))
    network = net.network(net.conv("last", pooled, 8, 1))
    engine = ENGINES["in thirds"]
    shifted = Runner(lowered(network, "shift1", engine, last="shift").module)
    jobs = Runner(lowered(network, "shift1", engine).module)
    found = compare(shifted, jobs, ArrayImages(network.images))
    assert [each.layer for each in found] == ["(input)", "first", "max pool", "last", "(result)"]
    assert not any(each.differences for each in found)


def test_a_mean_has_32_bits_where_it_is_returned() -> None:
    program = emitted(mean_of_sums(is_read_twice=False), "shift1", ENGINES["in thirds"]).program
    assert program.output.wide
    job = program.jobs[-1]
    assert job.average_multiplier > 0
    assert job.returned
    assert job.residual_place >= 0
    assert (job.average_lower_bound, job.average_upper_bound) == (-(1 << 31), (1 << 31) - 1)
