"""Random networks through the whole compiler."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from naive_reference import run as run_naively
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import Interpreter, PythonValues
from xdsl.ir import Operation
from xdsl.parser import Parser

from tf2c.analysis.cost.iterations import program_iterations
from tf2c.backends.opencl.render import render_engine
from tf2c.backends.program import emit_program
from tf2c.choices import DEFAULT_ENGINE, Choices, stage_passes
from tf2c.dialects.blob import reachable_blobs
from tf2c.engine import Engine
from tf2c.errors import UserError
from tf2c.image_source import ArrayImages
from tf2c.interpreters import run
from tf2c.ir_files import new_context, print_module
from tf2c.passes import STAGES
from tf2c.passes.pipeline import PassPipeline, expect_legal
from tf2c.program import Program
from tf2c.runtime.emulator import EmulatorDevice, library_path
from tf2c.runtime.session import Session
from tf2c.runtime.simulator import Simulator
from tf2c.testing import Network, Step, assert_contract, assert_exact, build_network, networks

PROFILE = settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


ONE_TERM, TWO_TERMS = Choices(method="nearest"), Choices(weights="shift2", method="nearest")


def compiled(
    network: Network, to: str, choices: Choices = ONE_TERM, engine: Engine = DEFAULT_ENGINE
) -> Network:
    """Return the network after a stage."""
    result = network.clone()
    context = new_context()
    context.calibration = ArrayImages(network.images)
    for stage in STAGES:
        pipeline = PassPipeline(stage_passes(stage, engine, choices))
        pipeline.run(result.module, context=context)
        expect_legal(result.module, stage)
        if stage.name == to:
            break
    return result


def parsed_back(module: ModuleOp, text: str) -> ModuleOp:
    """Parse text whose blobs are those of a module that is still in memory."""
    context = new_context()
    blobs = reachable_blobs(module)
    result = Parser(context, text).parse_module()
    for digest, blob in reachable_blobs(result).items():
        blob._array = blobs[digest].array  # pyright: ignore[reportPrivateUsage]
    result.verify()
    return result


@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
@PROFILE
@given(network=networks())
def test_printed_ir_parses_back_to_the_same(stage: str, network: Network) -> None:
    module = compiled(network, stage).module
    text = print_module(module)
    again = parsed_back(module, text)
    assert again.is_structurally_equivalent(module)
    assert print_module(again) == text


@PROFILE
@given(network=networks())
def test_every_pass_verifies_and_keeps_its_contract(network: Network) -> None:
    for stage in STAGES:
        for each in stage_passes(stage, DEFAULT_ENGINE, ONE_TERM):
            network = assert_contract(network, each)
        expect_legal(network.module, stage)


@PROFILE
@given(network=networks())
def test_passes_of_the_graph_stage_change_nothing_the_second_time(network: Network) -> None:
    for each in STAGES[0].passes:
        network = assert_contract(network, each())
        again = assert_exact(network, each())
        assert str(again.module) == str(network.module)


@pytest.mark.parametrize(
    ("choices", "stages"),
    [
        (ONE_TERM, ("int8", "shift")),
        (TWO_TERMS, ("shift",)),
        (Choices(weights="int8", activations="uint8", method="nearest"), ("int8",)),
        (
            Choices(weights="shift2", activations="uint8", scales="minmax", method="nearest"),
            ("shift",),
        ),
    ],
    ids=lambda each: "-".join(map(str, vars(each).values())) if isinstance(each, Choices) else "",
)
@settings(PROFILE, max_examples=30)
@given(network=networks())
def test_int8_and_shift_equal_the_naive_reference_in_every_element(
    choices: Choices, stages: tuple[str, ...], network: Network
) -> None:
    for stage in stages:
        result = compiled(network, stage, choices)
        named = run_naively(result.module, result.images)
        observed = observed_results(result)
        assert len(named) == len(observed)
        for (name, expected), actual in zip(named, observed, strict=True):
            assert actual.dtype == expected.dtype
            assert np.array_equal(actual, expected), name


class Recorder(Interpreter.Listener):
    """Remembers every op's result."""

    def __init__(self) -> None:
        self.seen: list[npt.NDArray[Any]] = []

    def did_interpret_op(self, op: Operation, results: PythonValues) -> None:
        self.seen.extend(results)


def observed_results(network: Network) -> list[npt.NDArray[Any]]:
    recorder = Recorder()
    run(network.module, network.images, listener=recorder)
    return recorder.seen


SMALL_ENGINE = Engine(filter_vector=4, channel_vector=2, pixel_vector=4, largest_split=4)
"""With which small networks have several tiles and channel vectors."""

WAITING_ENGINE = Engine(
    filter_vector=4,
    channel_vector=2,
    pixel_vector=6,
    weight_depth=256,
    channel_depth=3,
    latency=50,
    memory_bytes=5,
)
"""That waits for results, for weights and for room."""


@pytest.mark.parametrize("engine", [DEFAULT_ENGINE, SMALL_ENGINE], ids=["default", "small"])
@pytest.mark.parametrize("choices", [ONE_TERM, TWO_TERMS], ids=lambda choices: choices.weights)
@PROFILE
@given(network=networks())
def test_simulator_equals_the_interpreter_of_dataflow(
    engine: Engine, choices: Choices, network: Network
) -> None:
    result = compiled(network, "dataflow", choices, engine)
    program, weights, _ = emit_program(result.module)
    program.expect_fits(weights)
    again = Program.from_bytes(program.to_bytes())
    assert again.to_bytes() == program.to_bytes()
    simulated = Session(Simulator(), again, weights).run(result.images)
    assert np.array_equal(simulated.stored, run(result.module, result.images))


def library_or_skip() -> None:
    try:
        library_path()
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(
    scope="module",
    params=[DEFAULT_ENGINE, SMALL_ENGINE, WAITING_ENGINE],
    ids=["default", "small", "waiting"],
)
def emulated(request: pytest.FixtureRequest) -> Iterator[tuple[Engine, EmulatorDevice]]:
    library_or_skip()
    engine: Engine = request.param
    with EmulatorDevice(render_engine(engine, "property tests").encode()) as device:
        yield engine, device


@pytest.mark.parametrize("choices", [ONE_TERM, TWO_TERMS], ids=lambda choices: choices.weights)
@settings(PROFILE, max_examples=15)
@given(network=networks(max_layers=6))
def test_emulator_equals_the_simulator_in_every_element_and_counts_as_expected(
    emulated: tuple[Engine, EmulatorDevice], choices: Choices, network: Network
) -> None:
    engine, device = emulated
    program, weights, _ = emit_program(compiled(network, "dataflow", choices, engine).module)
    simulator = Session(Simulator(), program, weights)
    comparison = Session(device, program, weights).compare(simulator, network.images)
    assert comparison.elements > 0
    assert comparison.differences == 0
    expected = program_iterations(program, 1, len(network.images))
    assert comparison.result.iterations == expected.by_kernel


def test_shallow_channels_compute_the_same_bits() -> None:
    """A missing interlock would show as a difference when kernels run far apart or close."""
    library_or_skip()
    steps = [
        Step(kind=kind, operand=0, filters=20, kernel=3, stride=1, pad=1, has_bias=True)
        for kind in (0, 1, 2, 3, 4, 0)
    ]
    network = build_network((3, 4, 4), steps, seed=7)
    program, weights, _ = emit_program(compiled(network, "dataflow").module)
    simulator = Session(Simulator(), program, weights)
    for depth in (1, 4096):
        engine = dataclasses.replace(Engine(), channel_depth=depth)
        with EmulatorDevice(render_engine(engine, "depth test").encode()) as device:
            comparison = Session(device, program, weights).compare(simulator, network.images[:1])
        assert comparison.differences == 0
