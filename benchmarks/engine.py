"""The engine on whole networks: iterations of its scheduler beside TF2's cycles, bit for bit.

    python benchmarks/engine.py [NETWORK...]

ResNet-50 v1.5 and GoogLeNet (without LRN) with random weights of one power of two, for an engine of
as many lanes as TF2's, 16 x 16 x 15 = 3840. Iterations are those of the scheduler's loop: for the
first image until its last result is stored, and for each image that follows another. What the model
of `tf2c.analysis.cost` says, and what the kernel has counted on Intel's emulator for one image and
for two, stand in different columns. Waiting for results, loaded images, weights and room is in
them, with the engine's latency, memory and banks. An iteration is a cycle where every kernel is
pipelined at one, which nobody has built yet. TF2's cycles are those of its own model.
Every stored element of every layer is compared with the simulator's. Seconds are the emulator's, on
this machine, for one image. Writes results/engine.json.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from tf2c.engine import Engine
from tf2c.passes.rewriting import network_function
from tf2c.runtime.emulator import EmulatorDevice

ENGINE = Engine(
    filter_vector=16, channel_vector=16, pixel_vector=15, largest_split=3, weight_depth=2048
)


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


NETWORKS: dict[str, tuple[Callable[[], onnx.ModelProto], int | None]] = {
    "ResNet-50 v1.5": (resnet50, 2_112_276),
    "GoogLeNet": (googlenet_of_caffe, 629_054),
    "SqueezeNet 1.1": (squeezenet, None),
}
"""How to make each, and the cycles that TF2's engine takes for it."""

TIMEOUT_SECONDS = 600.0

WAITS = ("features_awaited", "transfers_awaited", "weights_awaited", "room_awaited")


def measured(model: onnx.ModelProto, folder: Path) -> dict[str, Any]:
    """Compile a network, and run one image on the emulator and the simulator."""
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    artifact = tf2c.compile(path, calib="random:4", method="nearest", engine=ENGINE)
    started = time.perf_counter()
    program, weights, _ = emit_program(artifact.stage("dataflow"))
    emitting = time.perf_counter() - started
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
        "emit_seconds": round(emitting, 2),
        "weight_bytes": len(weights),
        "cache_vectors": program.cache_vectors,
        **packing(artifact.stage("dataflow")),
    }


def packing(module: ModuleOp) -> dict[str, int]:
    """Return the cells of the cache that are taken at once, and those that packing them needs."""
    function = network_function(module)
    found = with_sums_in_place(lifetimes(function, ENGINE), jobs_of(function))
    blocks = [Block(each.begin, each.end, each.cells) for each in found]
    ends = [place + block.size for place, block in zip(pack(blocks), blocks, strict=True)]
    return {"packed_vectors": max(ends), "vectors_at_once": alive_at_once(blocks)}


def main() -> None:
    """Measure, print, write."""
    lanes = ENGINE.lanes
    table = Table(title=f"iterations of an image on {lanes} lanes")
    columns = (
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
    for column in columns:
        table.add_column(column, justify="left" if column == "network" else "right")
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or list(NETWORKS):
            model, tf2_cycles = NETWORKS[name]
            found = measured(model(), Path(folder))
            if tf2_cycles is not None:
                found["tf2_cycles"] = tf2_cycles
                found["ratio"] = round(found["expected_next"] / tf2_cycles, 4)
            figures[name] = found
            table.add_row(
                name,
                str(found["expected_first"]),
                str(found["counted_first"]),
                str(found["expected_next"]),
                str(found["counted_next"]),
                str(found["lanes_at_work"]),
                str(tf2_cycles or "-"),
                str(found.get("ratio", "-")),
                f"{found['differences']} of {found['elements']}",
                str(found["emulator_seconds"]),
            )
            if not found["counters_as_expected"]:
                print(f"{name}: counters differ from what is expected", file=sys.stderr)
    Console(width=140).print(table)
    packages = ("tf2c", "xdsl", "numpy", "onnx", "pyopencl", "intel-opencl-rt")
    command = " ".join(["python benchmarks/engine.py", *sys.argv[1:]])
    write_results("engine", command, packages, {"lanes": lanes, "networks": figures})


if __name__ == "__main__":
    main()
