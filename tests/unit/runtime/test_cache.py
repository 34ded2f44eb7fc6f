"""Networks that do not fit into the feature cache at once, images side by side, and strides."""

from dataclasses import replace

import numpy as np
import pytest
from unit.mixed_network import NetworkBuilder, emitted, lowered
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from tf2c.analysis.cost.iterations import program_iterations
from tf2c.backends.opencl.render import render_engine
from tf2c.backends.program import emit_program
from tf2c.dialects import dataflow, graph, tensors
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.layers import name_layer
from tf2c.dialects.tensors import i64_array
from tf2c.dialects.windows import ConvolutionWindow
from tf2c.engine import Engine
from tf2c.errors import LayerError
from tf2c.interlock import interlock
from tf2c.interpreters import ENTRY
from tf2c.program import Program
from tf2c.runtime.emulator import EmulatorDevice
from tf2c.runtime.opencl import Lanes
from tf2c.runtime.session import Session
from tf2c.runtime.simulator import Simulator
from tf2c.testing import Network

ENGINE = Engine(filter_vector=8, channel_vector=4, pixel_vector=7, cache_depth=512)
IMAGE = (3, 15, 13)
CHANNELS = 12


class _Layers:
    """A function that grows by convolutions."""

    def __init__(self, image: tuple[int, int, int] = IMAGE) -> None:
        self._image = image
        self.function = FuncOp(ENTRY, ([graph.images_type(image)], []))
        self._random = np.random.default_rng(3)

    def conv(self, name: str, value: SSAValue, kernel: int = 3, stride: int = 1) -> SSAValue:
        seen = tensors.extents(value)[0]
        numbers = self._random.normal(size=(CHANNELS, seen, kernel, kernel)) * 0.3
        constant = graph.ConstantOp(BlobAttr.of(numbers.astype(np.float32)))
        window = ConvolutionWindow(
            pads=i64_array([kernel // 2] * 4), strides=i64_array([stride, stride])
        )
        conv = graph.ConvOp(value, constant.output, window=window)
        name_layer(conv, name)
        self.function.body.block.add_ops([constant, conv])
        return conv.output

    def add(self, name: str, one: SSAValue, other: SSAValue) -> SSAValue:
        op = graph.AddOp(one, other)
        name_layer(op, name)
        self.function.body.block.add_op(op)
        return op.output

    def network(self, result: SSAValue, images: int) -> Network:
        self.function.body.block.add_op(ReturnOp(result))
        self.function.update_function_type()
        module = ModuleOp([self.function])
        module.verify()
        random = np.random.default_rng(4)
        return Network(module, random.normal(size=(images, *self._image)).astype(np.float32))


def nested_shortcuts() -> Network:
    """Three tensors that are added again when the layers between are done."""
    net = _Layers()
    outer = net.conv("outer", net.function.args[0])
    middle = net.conv("middle", outer)
    inner = net.conv("inner", middle)
    value = net.conv("first", inner)
    value = net.conv("second", value)
    value = net.add("inner sum", net.conv("third", value), inner)
    value = net.add("middle sum", net.conv("fourth", value), middle)
    value = net.add("outer sum", net.conv("fifth", value), outer)
    return net.network(net.conv("last", value), 3)


def strided(image: tuple[int, int, int] = IMAGE) -> Network:
    """What is read with a stride, without, and as a residual operand."""
    net = _Layers(image)
    stem = net.conv("stem", net.function.args[0])
    wide = net.add("wide", net.conv("expand", stem, 1), stem)
    narrow = net.conv("strided", net.conv("reduce", wide, 1), 3, 2)
    shortcut = net.conv("strided shortcut", wide, 1, 2)
    total = net.add("sum", net.conv("behind", narrow, 1), shortcut)
    return net.network(net.conv("last", total, 1), 5)


def assert_runs(
    network: Network,
    engine: Engine,
    program: Program,
    weights: bytes,
    lanes: Lanes = Lanes.VECTORS,
) -> None:
    """On the emulator as on the simulator and as in the model, alone and side by side."""
    program.expect_fits(weights)
    count = len(network.images)
    with EmulatorDevice(render_engine(engine, "cache").encode(), lanes=lanes) as device:
        for batch in range(1, min(program.largest_batch, count) + 1):
            simulator = Session(Simulator(), program, weights, batch)
            compared = Session(device, program, weights, batch).compare(simulator, network.images)
            assert compared.differences == 0
            expected = program_iterations(program, batch, -(-count // batch))
            assert compared.result.iterations == expected.by_kernel


def spills(program: Program) -> int:
    return sum(each.stores for each in program.transfers)


@pytest.mark.parametrize(("depth", "expected"), [(512, 0), (300, 1), (250, 2)])
def test_what_does_not_fit_goes_to_memory_and_comes_back(
    emulator_library: object, depth: int, expected: int
) -> None:
    network, engine = nested_shortcuts(), replace(ENGINE, cache_depth=depth)
    program, weights, _ = emitted(network, "shift1", engine)
    assert spills(program) == expected
    assert program.cache_vectors <= engine.cache_vectors
    assert len(program.transfers) == 1 + 2 * expected
    # The tensor that is not read for the longest time leaves first.
    assert [each.after_jobs for each in program.transfers if each.stores][:1] == [2][:expected]
    assert_runs(network, engine, program, weights)
    roomy = emitted(network, "shift1", replace(ENGINE, cache_depth=8192))
    results = [
        Session(Simulator(), *each[:2]).run(network.images).stored
        for each in (roomy, (program, weights))
    ]
    np.testing.assert_array_equal(results[0], results[1])


def test_a_layer_that_does_not_fit_is_named() -> None:
    message = (
        r"layer `.*`: expected at most 1120 channel vectors in the feature cache at once, got \d+"
    )
    with pytest.raises(LayerError, match=message) as error:
        emitted(nested_shortcuts(), "shift1", replace(ENGINE, cache_depth=140))
    assert error.value.hint is not None
    assert "`cache_depth` of" in error.value.hint


def test_the_image_leaves_room_for_what_is_made_of_it() -> None:
    """Nine taps fold into half of the cache, but not beside what the first layer stores."""
    image = (3, 28, 28)
    folded: dict[int, tuple[int, ...]] = {}
    for depth in (512, 256):
        engine = Engine(channel_vector=16, pixel_vector=15, cache_depth=depth)
        net = NetworkBuilder(image)
        first = net.conv("first", net.function.args[0], 64, 3)
        network = net.network(net.conv("last", first, 8, 1))
        program = emitted(network, "shift1", engine).program
        folded[depth] = program.fold.stored_extents
    assert folded == {512: (27, 28, 28), 256: (9, 30, 28)}


def test_spilling_costs_iterations() -> None:
    network = nested_shortcuts()
    programs = [
        emitted(network, "shift1", replace(ENGINE, cache_depth=depth, memory_bytes=memory)).program
        for depth, memory in ((600, 4), (345, 4), (345, 64))
    ]
    assert [spills(each) for each in programs] == [0, 1, 1]
    roomy, slow, fast = (program_iterations(each, 1, 2) for each in programs)
    assert slow.transfers_awaited > max(roomy.transfers_awaited, fast.transfers_awaited)
    assert roomy.pe == slow.pe == fast.pe


@pytest.mark.parametrize(
    ("vector", "image", "lanes"),
    [
        (7, IMAGE, Lanes.VECTORS),
        (8, (3, 12, 14), Lanes.VECTORS),
        (14, (3, 12, 14), Lanes.UNROLLED),
    ],
)
def test_planes_serve_strides_at_once(
    emulator_library: object, vector: int, image: tuple[int, int, int], lanes: Lanes
) -> None:
    network, engine = strided(image), replace(ENGINE, pixel_vector=vector)
    program, weights, layers = emitted(network, "shift2", engine)
    jobs = dict(zip(layers, program.jobs, strict=True))
    assert jobs["strided"].input[2:] == (2, 2)
    assert jobs["strided shortcut"].input[2:] == (2, 2)
    # What reads single pixels takes them in the order of the planes.
    assert jobs["reduce"].input[2:] == jobs["reduce"].order[2:] == (2, 2)
    assert jobs["strided"].order[2:] == (1, 1)
    assert_runs(network, engine, program, weights, lanes)


def test_the_next_image_comes_while_this_one_is_computed() -> None:
    engine = replace(ENGINE, cache_depth=600, weight_depth=32)
    program = emitted(nested_shortcuts(), "shift1", engine).program
    (load,) = program.transfers
    assert load.after_jobs == 1 - len(program.jobs)
    one, two = (program_iterations(program, 1, frames) for frames in (1, 2))
    assert one.transfers_awaited == two.transfers_awaited > 0


def test_jobs_say_whether_they_read_from_one_page() -> None:
    """In a full cache they do, and pay for it with turns; in a roomy one they do not."""
    marked: dict[int, list[bool]] = {}
    for depth in (1024, 400):
        engine = replace(ENGINE, cache_depth=depth)
        module = lowered(nested_shortcuts(), "shift1", engine).module
        program = emit_program(module).program
        jobs = [op for op in module.walk() if isinstance(op, dataflow.JobOp)]
        marked[depth] = [job.shares_page is not None for job in jobs if job.residual is not None]
        assert bool(interlock(program, 1).table()[:, 4].any()) == any(marked[depth])
    assert not any(marked[1024])
    assert any(marked[400])
