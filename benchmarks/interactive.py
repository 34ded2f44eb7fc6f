"""What a compiler developer waits for: starting up, printing large modules, growing networks.

    make bench

Writes results/interactive.json. Limits are the project's goals; a miss is printed, not hidden.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from report import write_results
from xdsl.builder import Builder
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.rewriter import InsertPoint

from tf2c.dialects import graph
from tf2c.dialects.blob import BlobAttr, saved_blobs
from tf2c.dialects.tensors import i64_array
from tf2c.dialects.windows import ConvolutionWindow
from tf2c.interpreters import ENTRY, run
from tf2c.ir_files import print_module

REPEATS = 5
WEIGHTS = 25_000_000


def median_seconds(action: Callable[[], object]) -> float:
    """Return the median time of a few runs after one that warms up."""
    times: list[float] = []
    for repeat in range(REPEATS + 1):
        started = time.perf_counter()
        action()
        if repeat:
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def command_seconds(*command: str | Path) -> float:
    """Return the median time of a whole process."""
    return median_seconds(
        lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)
    )


def chain(layers: int, channels: int = 8, kernel: int = 3) -> ModuleOp:
    """Return a network of convolutions in a row, over images of 4x4 pixels."""
    function = FuncOp(ENTRY, ([graph.images_type((channels, 4, 4))], []))
    builder = Builder(InsertPoint.at_end(function.body.block))
    random = np.random.default_rng(0)
    value = function.args[0]
    for _ in range(layers):
        numbers = random.normal(scale=0.1, size=(channels, channels, kernel, kernel))
        weight = builder.insert(graph.ConstantOp(BlobAttr.of(numbers.astype(np.float32)))).output
        window = ConvolutionWindow(pads=i64_array([kernel // 2] * 4))
        layer = graph.ConvOp(value, weight, window=window, activation=graph.RELU)
        value = builder.insert(layer).output
    builder.insert(ReturnOp(value))
    function.update_function_type()
    return ModuleOp([function])


def large_module(folder: Path) -> dict[str, float]:
    """Print and round-trip a module with 25 million weights in 43 layers."""
    channels = 256
    layers = round(WEIGHTS / (channels * channels * 9))
    module = chain(layers, channels)
    (folder / "weights").mkdir()
    (folder / "large.mlir").write_text(print_module(module))
    for name, contents in saved_blobs(module):
        (folder / "weights" / name).write_bytes(contents)
    output = folder / "again" / "large.mlir"
    output.parent.mkdir()
    tool = Path(sys.executable).parent / "tf2c-opt"
    arguments = [tool, "--print-debuginfo", folder / "large.mlir", "-o", output]
    started = time.perf_counter()
    subprocess.run(arguments, check=True)
    seconds = time.perf_counter() - started
    if output.read_text().strip() != (folder / "large.mlir").read_text().strip():
        raise SystemExit("the large module does not round-trip")
    blobs = {path.name for path in (folder / "weights").iterdir()}
    if blobs != {path.name for path in (output.parent / "weights").iterdir()}:
        raise SystemExit("the large module's blobs do not round-trip")
    return {
        "weights": layers * channels * channels * 9,
        "print_seconds": median_seconds(lambda: print_module(module)),
        "round_trip_seconds": seconds,
    }


def growth() -> dict[str, dict[str, float]]:
    """Return microseconds per layer of print, verify and run, for short and long networks."""
    result: dict[str, dict[str, float]] = {}
    for layers in (100, 400, 1600):
        module = chain(layers)
        images = np.zeros((1, 8, 4, 4), np.float32)
        actions: dict[str, Callable[[], object]] = {
            "print": lambda module=module: print_module(module),
            "verify": lambda module=module: module.verify(),
            "run": lambda module=module, images=images: run(module, images),
        }
        for name, action in actions.items():
            per_layer = 1e6 * median_seconds(action) / layers
            result.setdefault(name, {})[str(layers)] = round(per_layer, 1)
    return result


def main() -> None:
    """Measure, print, write."""
    binaries = Path(sys.executable).parent
    bare = command_seconds(sys.executable, "-c", "pass")
    imported = command_seconds(sys.executable, "-c", "import tf2c")
    with tempfile.TemporaryDirectory() as folder:
        large = large_module(Path(folder))
    grown = growth()
    helped = command_seconds(binaries / "tf2c-opt", "--help")
    peer_helped = command_seconds(binaries / "xdsl-opt", "--help")
    goals = {
        "import tf2c, beyond bare Python, seconds": (imported - bare, 0.2),
        "tf2c-opt --help, seconds": (helped, 0.5),
        "tf2c-opt --help over xdsl-opt --help": (helped / peer_helped, 1.0),
        "print 25 M weights, seconds": (large["print_seconds"], 0.1),
        **{
            f"{name}: cost per layer at 1600 layers over 100": (
                costs["1600"] / costs["100"],
                1.5,
            )
            for name, costs in grown.items()
        },
    }
    for name, (value, limit) in goals.items():
        print(f"{'ok  ' if value <= limit else 'MISS'} {name}: {value:.3f} (goal {limit})")
    write_results(
        "interactive",
        "python benchmarks/interactive.py",
        ("tf2c", "xdsl", "numpy", "onnx"),
        {
            "goals": {
                name: {"measured": round(value, 4), "goal": limit}
                for name, (value, limit) in goals.items()
            },
            "large_module": large,
            "microseconds_per_layer": grown,
            "tf2c_help_seconds": round(command_seconds(binaries / "tf2c", "--help"), 4),
        },
    )


if __name__ == "__main__":
    main()
