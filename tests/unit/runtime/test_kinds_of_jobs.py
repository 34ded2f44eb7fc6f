"""Every kind of job: grouped, dilated, of two terms, moving, averaging, with a wide result."""

from collections.abc import Iterator

import numpy as np
import pytest
from unit.mixed_network import emitted, lowered, mixed_network
from unit.runtime.test_simulator import JobRecorder, RecordingSimulator, assert_jobs_agree
from xdsl.builder import Builder
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, ModuleOp, TensorType, i8, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.rewriter import InsertPoint

from tf2c import feature_layout
from tf2c.analysis.cost.iterations import program_iterations
from tf2c.backends.opencl.render import render_engine
from tf2c.backends.program import emit_program
from tf2c.choices import DEFAULT_ENGINE
from tf2c.dialects import dataflow, int8, shift
from tf2c.dialects.scales import Pow2Attr
from tf2c.engine import Engine
from tf2c.interpreters import ENTRY, run
from tf2c.ir_files import new_context
from tf2c.numerics import pow2
from tf2c.passes.check import real_result
from tf2c.passes.dataflow.allocate_memory import AllocateMemoryPass
from tf2c.runtime.device import Memories
from tf2c.runtime.emulator import EmulatorDevice
from tf2c.runtime.session import Session
from tf2c.runtime.simulator import Simulator
from tf2c.testing import Network

SMALL_ENGINE = Engine(filter_vector=8, channel_vector=4, pixel_vector=20, largest_split=4)
FORMS = ("shift1", "shift2")

forms = pytest.mark.parametrize("weights", FORMS)
engines = pytest.mark.parametrize(
    "engine", [DEFAULT_ENGINE, SMALL_ENGINE], ids=["16x8x14", "8x4x20"]
)


@pytest.fixture(scope="module")
def network() -> Network:
    return mixed_network()


@engines
@forms
def test_every_job_stores_what_the_interpreter_computes(
    network: Network, weights: str, engine: Engine
) -> None:
    dataflow_network = lowered(network, weights, engine)
    program, packed, _ = emit_program(dataflow_network.module)
    program.expect_fits(packed)
    simulator, recorder = RecordingSimulator(), JobRecorder()
    other = Session(Simulator(), program, packed)
    Session(simulator, program, packed).compare(other, network.images)
    run(dataflow_network.module, network.images, recorder)

    assert_jobs_agree(program, simulator.memories, recorder)


@forms
def test_all_stages_from_shift_on_agree(network: Network, weights: str) -> None:
    program, packed, _ = emitted(network, weights)
    jobs = lowered(network, weights)
    simulated = Session(Simulator(), program, packed).run(network.images)
    assert np.array_equal(simulated.stored, run(jobs.module, network.images))


@forms
def test_a_wide_result_has_32_bits_and_its_scale(network: Network, weights: str) -> None:
    program, packed, _ = emitted(network, weights)
    result = Session(Simulator(), program, packed).run(network.images)
    jobs = lowered(network, weights)
    assert program.output.wide
    assert not program.jobs[-1].raw
    assert result.stored.dtype == np.int32
    assert result.stored.shape == (3, 20)
    assert np.abs(result.stored).max() > 127
    np.testing.assert_array_equal(result.values, real_result(jobs.module, result.stored))


def test_two_terms_are_nearer_to_the_network_than_one(network: Network) -> None:
    expected = run(network.module, network.images)
    errors: list[float] = []
    for weights in FORMS:
        program, packed, _ = emitted(network, weights)
        found = Session(Simulator(), program, packed).run(network.images).values
        errors.append(float(np.abs(found - expected).mean()))
    assert errors[1] < errors[0] / 2


@engines
def test_there_is_every_kind_of_job(network: Network, engine: Engine) -> None:
    program, _, layers = emitted(network, "shift2", engine)
    by_layer = dict(zip(layers, program.jobs, strict=True))
    assert by_layer["depthwise dilated"].dilation_height == 2
    assert by_layer["depthwise dilated"].tile_step > 0
    assert by_layer["depthwise doubled"].tile_step > 0
    assert by_layer["grouped"].dilation_width == 2
    assert by_layer["grouped unaligned"].tile_step == 0
    assert by_layer["dense"].weight_terms == 2
    # Weights of moving jobs have one term, whatever the others have.
    assert {
        by_layer[name].weight_terms for name in ("slice", "pad + standing max pool", "broken")
    } == {1}
    assert layers.count("broken") == 2
    assert "aligned" not in layers
    assert by_layer["mixing"].residual_place >= 0
    assert max(job.filter_tiles for job in program.jobs) > 1
    assert len({job.split for job in program.jobs}) > 1


@pytest.fixture(scope="module", params=[DEFAULT_ENGINE, SMALL_ENGINE], ids=["16x8x14", "8x4x20"])
def engine_and_emulator(
    request: pytest.FixtureRequest, emulator_library: object
) -> Iterator[tuple[Engine, EmulatorDevice]]:
    """An emulator of the default engine, and one of a small one."""
    engine: Engine = request.param
    with EmulatorDevice(render_engine(engine, "kinds of jobs").encode()) as device:
        yield engine, device


@forms
def test_the_emulator_agrees_in_every_element(
    network: Network, weights: str, engine_and_emulator: tuple[Engine, EmulatorDevice]
) -> None:
    engine, emulator = engine_and_emulator
    program, packed, _ = emitted(network, weights, engine)
    simulator = Session(Simulator(), program, packed)
    comparison = Session(emulator, program, packed).compare(simulator, network.images[:2])
    assert comparison.elements > 0
    assert comparison.differences == 0
    assert comparison.result.iterations == program_iterations(program, 1, 2).by_kernel


def test_every_split_computes_the_same_and_counts_as_expected(
    network: Network, engine_and_emulator: tuple[Engine, EmulatorDevice]
) -> None:
    engine, emulator = engine_and_emulator
    jobs = lowered(network, "shift2", engine)
    chosen = emit_program(jobs.module)
    expected = Session(Simulator(), chosen.program, chosen.weights).run(network.images)
    splits = [(parts, rest) for parts in engine.splits for rest in engine.splits if rest <= parts]
    for parts, rest in splits:
        split = 0
        for op in jobs.module.walk():
            if isinstance(op, dataflow.JobOp):
                shares = engine.shares(op.filter_multipliers.size, parts, rest)
                has_rest = len(shares) > 1 and op.group.value.data == 1
                op.parts = IntegerAttr(parts, i64)
                op.rest_parts = IntegerAttr(rest, i64) if has_rest else None
                split += has_rest
        jobs.module.verify()
        program, packed, _ = emit_program(jobs.module)
        assert (split > 0) == (rest < parts)
        assert {job.split for job in program.jobs} == {parts, rest}
        program.expect_fits(packed)
        simulator = Session(Simulator(), program, packed)
        compared = Session(emulator, program, packed).compare(simulator, network.images)
        assert compared.differences == 0
        assert compared.result.iterations == program_iterations(program, 1, 3).by_kernel
        assert np.array_equal(compared.result.stored, expected.stored)
        # The choice is never worse.
        chosen_iterations = program_iterations(chosen.program, 1, 1)
        assert chosen_iterations.pe <= program_iterations(program, 1, 1).pe


FILTERS = {
    "all alike": ([1, 1, 1, 1, 1, 1], 1),
    "the last beyond its filters": ([1, 1, 1, 1, 1], 1),
    "one between": ([1, 1, 2, 1, 1, 1], 3),
    "the last": ([1, 1, 1, 1, 1, 2], 3),
    "half a tile": ([1, 2, 1, 2, 1, 2], 1),
}
"""Weights of filters, and how many tiles of two have weights of their own."""


@pytest.mark.parametrize("name", FILTERS)
def test_weights_are_sent_once_where_all_tiles_have_the_same(name: str) -> None:
    weights, tiles = FILTERS[name]
    codes = np.array(weights, np.uint8).reshape(-1, 1, 1, 1).repeat(2, axis=1)
    engine = Engine(filter_vector=2, channel_vector=2, pixel_vector=4)
    image = TensorType(i8, [DYNAMIC_INDEX, 2, 4, 4], Pow2Attr([-7]))
    function = FuncOp(ENTRY, ([image], []))
    builder = Builder(InsertPoint.at_end(function.body.block))
    placed = builder.insert(dataflow.InputOp(function.args[0]))
    constant = builder.insert(shift.ConstantOp(codes, Pow2Attr([0]), 1))
    zeros = np.zeros(len(weights), np.int32)
    bias = builder.insert(int8.ConstantOp(zeros, Pow2Attr([-7])))
    job = builder.insert(dataflow.JobOp(placed.output, constant.output, bias.output))
    builder.insert(ReturnOp(job.output))
    function.update_function_type()
    module = ModuleOp([dataflow.EngineOp(engine), function])
    AllocateMemoryPass().apply(new_context(), module)
    module.verify()
    program, packed, _ = emit_program(module)
    program.expect_fits(packed)
    (emitted_job,) = program.jobs
    assert (emitted_job.filter_tiles, emitted_job.weight_tiles) == (3, tiles)
    assert len(packed) == tiles * engine.weight_word_bytes
    simulator = Simulator()
    simulator.load(program, packed)
    memories = Memories.for_frames(program, 1, 1, traced=False)
    pixels = np.random.default_rng(0).integers(-128, 128, (1, 2, 4, 4), np.int8)
    memories.memory[0] = feature_layout.store(pixels, program.input.layout, 2)
    simulator.execute(memories)
    stored = engine.load_features(memories.output, len(weights), 4, 4)
    weight = pow2.decode(np.array(weights, np.uint8), 1).astype(int)
    expected = pixels.sum(axis=1, dtype=int)[:, None] * weight.reshape(-1, 1, 1)
    np.testing.assert_array_equal(stored, expected)
