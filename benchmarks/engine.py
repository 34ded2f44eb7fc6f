"""The engine on whole networks: iterations of its scheduler beside TF2's cycles, bit for bit.

    TF2C_DATA=... python benchmarks/engine.py [NETWORK...]

ResNet-50 v1.5 and GoogLeNet (without LRN) with random weights of one power of two, for an engine of
as many lanes as TF2's, 16 x 16 x 15 = 3840. Iterations are those of the scheduler's loop: for the
first image until its last result is stored, and for each image that follows another. What the model
of `tf2c.analysis.cost` says, and what the kernel has counted on Intel's emulator for one image and
for two, stand in different columns. Waiting for results, loaded images, weights and room is in
them, with the engine's latency, memory and banks. An iteration is a cycle where every kernel is
pipelined at one, which nobody has built yet. TF2's cycles are those of its own model.
The same networks, SqueezeNet with two terms per weight, and ResNet-8 if `TF2C_DATA` has it, also
run on the default engine with shallow channels, which has fewer channels and pixels at once.
Every stored element of every layer is compared with the simulator's. Seconds are the emulator's, on
this machine, for one image. Writes results/engine.json.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from report import write_results
from rich.console import Console
from rich.table import Table
from simulation import googlenet, resnet50, squeezenet
from xdsl.dialects.builtin import ModuleOp

import tf2c
from tf2c.analysis.cost.iterations import program_iterations
from tf2c.analysis.lifetimes import jobs_of, lifetimes, with_sums_in_place
from tf2c.analysis.packing import Block, alive_at_once, pack
from tf2c.backends.program import emit_program
from tf2c.choices import stage_passes
from tf2c.engine import Engine
from tf2c.passes import STAGES
from tf2c.passes.pipeline import PassPipeline
from tf2c.passes.rewriting import network_function
from tf2c.runtime.emulator import EmulatorDevice

ENGINES = {
    "16 x 16 x 15": Engine(
        filter_vector=16, channel_vector=16, pixel_vector=15, largest_split=3, weight_depth=2048
    ),
    "16 x 8 x 14, shallow": Engine(channel_depth=24),
}
"""The first has as many lanes as TF2's."""


def googlenet_of_caffe() -> onnx.ModelProto:
    """GoogLeNet with maps of 56, 28, 14 and 7 pixels, as TF2's: its poolings round up."""
    model = googlenet()
    for node in model.graph.node:
        pads = next((each for each in node.attribute if each.name == "pads"), None)
        strides = next((each for each in node.attribute if each.name == "strides"), None)
        if pads is None or strides is None:
            continue
        if node.op_type == "MaxPool" and list(strides.ints) == [2, 2]:
            pads.ints[:] = [0, 0, 1, 1]
        elif node.op_type == "AveragePool":
            pads.ints[:] = [0, 0, 0, 0]
    del model.graph.value_info[:]
    return model


def resnet50_v1() -> onnx.ModelProto:
    """ResNet-50 as first published: strides are in the layers of single pixels."""
    model = resnet50()
    producers = {node.output[0]: node for node in model.graph.node}
    attributes = {
        node.output[0]: {each.name: each for each in node.attribute} for node in model.graph.node
    }
    for node in model.graph.node:
        own = attributes[node.output[0]]
        if node.op_type != "Conv" or list(own["strides"].ints) != [2, 2]:
            continue
        if list(own["kernel_shape"].ints) != [3, 3]:
            continue
        before = producers[node.input[0]]
        while before.op_type != "Conv":
            before = producers[before.input[0]]
        attributes[before.output[0]]["strides"].ints[:] = [2, 2]
        own["strides"].ints[:] = [1, 1]
    del model.graph.value_info[:]
    return model


class Case(NamedTuple):
    """A network to run."""

    model: Callable[[], onnx.ModelProto]
    tf2_cycles: int | None = None
    """That TF2's engine takes for it."""
    weights: str = "shift1"
    shapes: tuple[int, ...] = (0, 1)
    """On which of the engines it runs."""


NETWORKS = {
    "ResNet-50 v1.5": Case(resnet50, 2_112_276),
    "GoogLeNet": Case(googlenet_of_caffe, 629_054),
    "SqueezeNet 1.1": Case(squeezenet),
    "SqueezeNet 1.1, two terms": Case(squeezenet, weights="shift2", shapes=(1,)),
    "ResNet-50 v1": Case(resnet50_v1, shapes=(0,)),
}
RESNET_8 = "models/mlperf_tiny_resnet8/pretrainedResnet.onnx"


def networks() -> dict[str, Case]:
    """Return all that there are here."""
    root = Path(__file__).parent.parent
    path = Path(os.environ.get("TF2C_DATA", root.parent / "shared" / "data")) / RESNET_8
    if not path.is_file():
        return NETWORKS

    def read() -> onnx.ModelProto:
        return onnx.ModelProto.FromString(path.read_bytes())

    return NETWORKS | {"ResNet-8": Case(read, shapes=(1,))}


TIMEOUT_SECONDS = 600.0

WAITS = ("features_awaited", "transfers_awaited", "weights_awaited", "room_awaited")


def measured(case: Case, engine: Engine, folder: Path) -> dict[str, Any]:
    """Compile a network, and run images on the emulator and the simulator."""
    path = folder / "net.onnx"
    path.write_bytes(case.model().SerializeToString())
    artifact = tf2c.compile(
        path, calib="random:4", method="nearest", weights=case.weights, engine=engine
    )
    module = artifact.stage("shift")
    started = time.perf_counter()
    PassPipeline(stage_passes(STAGES[-1], engine)).run(module)
    program, weights, _ = emit_program(module)
    lowering = time.perf_counter() - started
    one, two = (program_iterations(program, images=1, frames=frames) for frames in (1, 2))
    random = np.random.default_rng(0)
    images = random.standard_normal((2, *program.fold.shape)).astype(np.float32)
    with EmulatorDevice(artifact.kernels, timeout_seconds=TIMEOUT_SECONDS) as device:
        artifact.execute(images[:1], device)
        started = time.perf_counter()
        first = artifact.execute(images[:1], device)
        seconds = time.perf_counter() - started
        compared = artifact.compare(images, device)
    both = compared.result
    return {
        "expected_first": one.scheduler,
        "expected_next": two.scheduler - one.scheduler,
        "counted_first": first.iterations["scheduler"],
        "counted_next": both.iterations["scheduler"] - first.iterations["scheduler"],
        "lanes_at_work": one.pe,
        "next": {name: getattr(two, name) - getattr(one, name) for name in WAITS},
        "counters_as_expected": (first.iterations, both.iterations)
        == (one.by_kernel, two.by_kernel),
        "elements": compared.elements,
        "differences": compared.differences,
        "emulator_seconds": round(seconds, 2),
        "lowering_seconds": round(lowering, 2),
        "weight_bytes": len(weights),
        "cache_vectors": program.cache_vectors,
        **packing(module, engine),
    }


def packing(module: ModuleOp, engine: Engine) -> dict[str, int]:
    """Return the cells of the cache that are taken at once, and those that packing them needs."""
    function = network_function(module)
    found = with_sums_in_place(lifetimes(function, engine), jobs_of(function))
    blocks = [Block(each.begin, each.end, each.cells) for each in found]
    ends = [place + block.size for place, block in zip(pack(blocks), blocks, strict=True)]
    return {"packed_vectors": max(ends), "vectors_at_once": alive_at_once(blocks)}


COLUMNS = (
    "network",
    "first, expected",
    "counted",
    "next, expected",
    "counted",
    "lanes at work",
    "TF2 cycles",
    "ratio",
    "differ",
    "seconds",
)


def row(name: str, found: dict[str, Any]) -> list[str]:
    """What people see of a run."""
    return [
        name,
        str(found["expected_first"]),
        str(found["counted_first"]),
        str(found["expected_next"]),
        str(found["counted_next"]),
        str(found["lanes_at_work"]),
        str(found.get("tf2_cycles", "-")),
        str(found.get("ratio", "-")),
        f"{found['differences']} of {found['elements']}",
        str(found["emulator_seconds"]),
    ]


def main() -> None:
    """Measure, print, write."""
    known = networks()
    figures: dict[str, Any] = {}
    for index, (shape, engine) in enumerate(ENGINES.items()):
        table = Table(title=f"iterations of an image, {shape}: {engine.lanes} lanes")
        for column in COLUMNS:
            table.add_column(column, justify="left" if column == "network" else "right")
        own: dict[str, Any] = {}
        for name in sys.argv[1:] or list(known):
            case = known[name]
            if index not in case.shapes:
                continue
            with tempfile.TemporaryDirectory() as folder:
                found = measured(case, engine, Path(folder))
            if index == 0 and case.tf2_cycles is not None:
                found["tf2_cycles"] = case.tf2_cycles
                found["ratio"] = round(found["expected_next"] / case.tf2_cycles, 4)
            own[name] = found
            table.add_row(*row(name, found))
            if not found["counters_as_expected"]:
                print(f"{name}: counters differ from what is expected", file=sys.stderr)
        Console(width=150).print(table)
        figures[shape] = {"lanes": engine.lanes, "networks": own}
    packages = ("tf2c", "xdsl", "numpy", "onnx", "pyopencl", "intel-opencl-rt")
    command = " ".join(["python benchmarks/engine.py", *sys.argv[1:]])
    write_results("engine", command, packages, {"engines": figures})


if __name__ == "__main__":
    main()
