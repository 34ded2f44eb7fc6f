"""Exact integers beside the ordinary int8 deployment: time per image of every executor.

    TF2C_PEERS=... python benchmarks/simulation.py [NETWORK...]

`TF2C_PEERS` names the folder with `bench_ort.py`, which times ONNX Runtime in fp32 and in int8
(QDQ, quantized on the spot); tf2c's executors are timed in the same way, in the same run, each in a
process of its own. Networks: ResNet-50 and GoogLeNet (without LRN, which has no integer form) with
seeded random weights, and the trained SqueezeNet 1.1 if `TF2C_DATA` has it, with random weights
otherwise. Weights are one power of two, rounded to the nearest; SqueezeNet also with compensated
rounding, whose requantization multiplies. Writes results/simulation.json: milliseconds of processor
time at one thread and of wall clock at two, medians of three rounds of one contestant after the
other, and their ratios. Before it is timed, every executor
has been compared with the interpreter in every element of every tensor.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, version_converter
from random_networks import light_model
from report import HERE, write_results
from rich.console import Console
from rich.table import Table

EXECUTORS = ("numpy", "onnxruntime", "openvino")
PEERS = ("onnxruntime-fp32", "onnxruntime-int8")
BATCHES = (8, 1)
ROUNDS = 3
SECONDS = 3.0
WARM_UP = 3
MEASURES = {1: "cpu_ms", 2: "latency_ms"}
"""What counts at one thread and at two."""


def resnet50() -> onnx.ModelProto:
    """ResNet-50 with random weights."""
    return light_model("resnet50")


def googlenet() -> onnx.ModelProto:
    """GoogLeNet with random weights, without its two LRN."""
    model = light_model("inception_v1")
    nodes = list(model.graph.node)
    renamed = {node.output[0]: node.input[0] for node in nodes if node.op_type == "LRN"}
    kept = [node for node in nodes if node.op_type != "LRN"]
    for node in kept:
        for index, name in enumerate(node.input):
            node.input[index] = renamed.get(name, name)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


def squeezenet() -> onnx.ModelProto:
    """SqueezeNet 1.1, trained where it is at hand."""
    data = Path(os.environ.get("TF2C_DATA", HERE.parent.parent / "shared" / "data"))
    trained = data / "models" / "squeezenet1.1_onnxzoo"
    files = sorted(trained.glob("*.onnx"))
    if files:
        return onnx.load_model(files[0])  # pyright: ignore[reportUnknownMemberType]
    return light_model("squeezenet")


NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {
    "resnet50": resnet50,
    "googlenet": googlenet,
    "squeezenet1_1": squeezenet,
    "squeezenet1_1 compensated": squeezenet,
}

GOALS = (
    ("resnet50", "openvino", "onnxruntime-int8", {"amx": 2.5, "vnni": 1.0}),
    ("resnet50", "onnxruntime", "onnxruntime-int8", 0.6),
    ("googlenet", "onnxruntime", "onnxruntime-int8", 0.9),
    ("squeezenet1_1", "onnxruntime", "onnxruntime-int8", 0.9),
    ("resnet50", "numpy", "onnxruntime-fp32", 0.5),
)
"""Network, executor, peer, and how many times as fast as the peer the executor is to be; where that
depends on what the processor has for int8, nothing is asked of one that has neither."""


def with_batch(model: onnx.ModelProto, batch: int) -> onnx.ModelProto:
    """Return a network for a batch, of an opset that ONNX Runtime quantizes per channel."""
    model = version_converter.convert_version(model, 13)
    network = model.graph
    constants = {each.name: each for each in network.initializer}
    for entry in (*network.input, *network.output):
        if entry.name not in constants:
            entry.type.tensor_type.shape.dim[0].ClearField("dim_param")
            entry.type.tensor_type.shape.dim[0].dim_value = batch
    # Inputs that are weights keep ONNX Runtime from folding them.
    inputs = [entry for entry in network.input if entry.name not in constants]
    del network.input[:]
    network.input.extend(inputs)
    for node in network.node:
        if node.op_type == "Reshape" and node.input[1] in constants:
            shape = numpy_helper.to_array(constants[node.input[1]]).copy()
            if shape[0] == 1:
                shape[0] = batch
                constants[node.input[1]].CopyFrom(
                    numpy_helper.from_array(shape, constants[node.input[1]].name)
                )
    del network.value_info[:]
    return model


def measure_executor(artifact: str, executor: str, batch: int) -> dict[str, float]:
    """Time an executor in this process, as the peers' scripts do: after warming up, median."""
    from tf2c.executors import open_executor
    from tf2c.ir_files import read_module

    opened = open_executor(executor, read_module(Path(artifact, "ir", "shift.mlir")), batch)
    images = np.random.default_rng(0).standard_normal((batch, 3, 224, 224)).astype(np.float32)
    for _ in range(WARM_UP):
        opened.run(images)
    walls: list[float] = []
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    while time.perf_counter() - begun < SECONDS:
        started = time.perf_counter()
        opened.run(images)
        walls.append(time.perf_counter() - started)
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "cpu_ms": 1e3 * spent / len(walls),
        "latency_ms": 1e3 * statistics.median(walls),
        "peak_rss_mb": after.ru_maxrss / 1024,
    }


def run_json(command: list[str], threads: int) -> dict[str, Any]:
    """Run a measurement in a process of its own; return the object that it prints last."""
    variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BENCH_THREADS")
    environment = os.environ | dict.fromkeys(variables, str(threads))
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(run.stdout.splitlines()[-1])


def measure(name: str, model: Path, artifact: Path, batch: int, threads: int) -> dict[str, float]:
    """Time one contestant; return milliseconds per image."""
    if name in PEERS:
        library, form = name.split("-")
        assert library == "onnxruntime"
        script = Path(os.environ["TF2C_PEERS"], "bench_ort.py")
        found = run_json([sys.executable, str(script), form, str(model)], threads)
    else:
        command = [sys.executable, __file__, "--measure", str(artifact), name, str(batch)]
        found = run_json(command, threads)
    return {key: found[key] / batch for key in ("cpu_ms", "latency_ms")}


def processor_kind() -> str:
    """Return what the processor multiplies int8 with: `amx`, `vnni`, or `other`."""
    flags = Path("/proc/cpuinfo").read_text()
    return "amx" if "amx_int8" in flags else "vnni" if "_vnni" in flags else "other"


def main() -> None:
    """Measure, print, write."""
    if "TF2C_PEERS" not in os.environ:
        raise SystemExit("TF2C_PEERS must name the folder of bench_ort.py")
    chosen = sys.argv[1:] or list(NETWORKS)
    tool = Path(sys.executable).parent / "tf2c"
    medians: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for network in chosen:
            artifact = Path(folder, f"{network}.tf2c")
            method = "compensated" if network.endswith("compensated") else "nearest"
            models = {batch: Path(folder, f"{network}_{batch}.onnx") for batch in BATCHES}
            for batch, model in models.items():
                model.write_bytes(with_batch(NETWORKS[network](), batch).SerializeToString())
            command = [tool, "compile", models[1], "--calib", "random:8", "--to", "shift"]
            subprocess.run(
                [*command, "--method", method, "-o", artifact],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            for batch, model in models.items():
                for threads, key in MEASURES.items():
                    contestants = (*PEERS, *EXECUTORS)
                    times: dict[str, list[float]] = {name: [] for name in contestants}
                    for _ in range(ROUNDS):
                        for name in contestants:
                            found = measure(name, model, artifact, batch, threads)
                            times[name].append(found[key])
                    case = f"{network}, batch {batch}, {threads} thread{'s' * (threads > 1)}"
                    medians[case] = {
                        "milliseconds per image": {
                            name: round(statistics.median(values), 2)
                            for name, values in times.items()
                        }
                    }
                    print(case, medians[case], file=sys.stderr)
    report(medians)


def report(medians: dict[str, dict[str, dict[str, float]]]) -> None:
    """Add ratios, print and write."""
    table = Table(title="milliseconds per image (CPU time at 1 thread, wall at 2), ratios to int8")
    table.add_column("case")
    for name in (*PEERS, *EXECUTORS):
        table.add_column(name, justify="right")
    goals: dict[str, dict[str, float]] = {}
    for case, figures in medians.items():
        milliseconds = figures["milliseconds per image"]
        speeds = {
            f"{name} over {peer}": round(milliseconds[peer] / milliseconds[name], 3)
            for name in EXECUTORS
            for peer in PEERS
        }
        figures["times as fast as"] = speeds
        cells = [
            f"{value} ({milliseconds['onnxruntime-int8'] / value:.2f})"
            for value in milliseconds.values()
        ]
        table.add_row(case, *cells)
        for network, executor, peer, goal in GOALS:
            if case.startswith(f"{network},"):
                least = goal.get(processor_kind()) if isinstance(goal, dict) else goal
                if least is None:
                    continue
                goals[f"{case}: {executor} over {peer}"] = {
                    "measured": speeds[f"{executor} over {peer}"],
                    "goal": least,
                }
    Console().print(table)
    for name, goal in goals.items():
        verdict = "ok  " if goal["measured"] >= goal["goal"] else "MISS"
        print(f"{verdict} {name}: {goal['measured']} (goal {goal['goal']})")
    write_results(
        "simulation",
        "TF2C_PEERS=... python benchmarks/simulation.py",
        ("tf2c", "numpy", "onnxruntime", "openvino", "xdsl"),
        {"integer_matrix_units": processor_kind(), "cases": medians, "goals": goals},
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure_executor(sys.argv[2], sys.argv[3], int(sys.argv[4]))))
    else:
        main()
