"""The kernels' counters beside the model of them, on engines that wait for different things."""

from dataclasses import replace

import pytest
from unit.mixed_network import emitted, mixed_network

from tf2c.analysis.cost.iterations import Iterations, program_iterations
from tf2c.backends.opencl.render import render_engine
from tf2c.engine import Engine
from tf2c.engine_structure import channels
from tf2c.runtime.emulator import EmulatorDevice
from tf2c.runtime.session import Session
from tf2c.runtime.simulator import Simulator

USUAL = Engine(filter_vector=8, channel_vector=4, pixel_vector=8, weight_depth=400)

IMAGES = 2

OTHERS = {
    "slower kernels": replace(USUAL, latency=600),
    "faster kernels": replace(USUAL, latency=1),
    "shallow channels": replace(USUAL, channel_depth=4),
    "slow memory": replace(USUAL, memory_bytes=6),
    "fewer weights ahead": replace(USUAL, weight_depth=170, memory_bytes=6),
}


def counted(engine: Engine, kernels: str | None = None) -> Iterations:
    """Run the network with every kind of job on the emulator, and return what the kernels count."""
    network = mixed_network()
    program, weights, _ = emitted(network, "shift2", engine)
    kernels = kernels or render_engine(engine, "schedules")
    with EmulatorDevice(kernels.encode()) as device:
        simulator = Session(Simulator(), program, weights)
        compared = Session(device, program, weights).compare(simulator, network.images[:IMAGES])
    assert compared.differences == 0
    return Iterations(**compared.result.iterations)


def expected(engine: Engine) -> Iterations:
    return program_iterations(emitted(mixed_network(), "shift2", engine).program, 1, IMAGES)


@pytest.mark.parametrize("name", OTHERS)
def test_counters_equal_the_model_and_move_with_the_engine(
    emulator_library: object, name: str
) -> None:
    engine = OTHERS[name]
    found = counted(engine)
    assert found == expected(engine)
    # A model of the usual engine, which differs in one number, would not do.
    usual = expected(USUAL)
    assert found.scheduler != usual.scheduler
    assert found.pe == usual.pe


def test_channels_that_need_no_depth_may_have_none(emulator_library: object) -> None:
    """Kernels come to an end, and count the same, where channels hold the least that they may."""
    kernels = render_engine(USUAL, "shallow")
    needing = {each.name for each in channels(USUAL) if each.least_depth > 1}
    assert needing == {"accumulators", "residuals"}
    for each in channels(USUAL):
        declared = f"{each.name} __attribute__((depth({each.depth})))"
        assert kernels.count(declared) == 1
        kernels = kernels.replace(
            declared, declared.replace(str(each.depth), str(each.least_depth))
        )
    assert counted(USUAL, kernels) == expected(USUAL)


def test_each_engine_waits_for_something_else() -> None:
    usual = expected(USUAL)
    waits = {name: expected(engine) for name, engine in OTHERS.items()}
    assert waits["slower kernels"].features_awaited > usual.features_awaited
    assert waits["faster kernels"].features_awaited < usual.features_awaited
    assert waits["shallow channels"].room_awaited > 0 == usual.room_awaited
    assert waits["slow memory"].transfers_awaited > usual.transfers_awaited
    fewer, slow = waits["fewer weights ahead"], waits["slow memory"]
    assert fewer.weights_awaited > slow.weights_awaited
