"""From ONNX to an artifact, beside ONNX Runtime's quantization: ResNet-50, 25 M weights.

    python benchmarks/compile.py

All get the same model with seeded random weights and the same 8 calibration images, in turn, each
in a process of its own. Writes results/compile.json: seconds, ratios, peak memory. Goals: faster
than ONNX Runtime, and at most 2 GB. Its seconds are given three times, without imports: of
`quantize_static`, of that with the `quant_pre_process` that it asks for, and, where `TF2C_PEERS`
names the folder of `bench_ort.py`, what that script reports, which is both. tf2c's are given twice:
of the call `tf2c.compile`, to be compared with those, and of the whole `tf2c compile`, with Python
starting up and all imports.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from onnx import version_converter
from random_networks import light_model
from report import HERE, write_results

RUNS = 5
IMAGES = 8
MEMORY_LIMIT_MB = 2000
FORMS = ("int8", "shift1", "shift2")
PEERS = os.environ.get("TF2C_PEERS")


IN_PROCESS = """
import sys, time, tf2c.api as tf2c
started = time.perf_counter()
model, images, weights, output = sys.argv[1:]
tf2c.compile(model, calib=images, weights=weights, method="nearest", output=output)
print(time.perf_counter() - started)
"""

WITH_MEMORY = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def python(*arguments: str | Path) -> str:
    """Run Python in a process of its own; return the last line that it printed."""
    run = subprocess.run(
        [sys.executable, *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
    )
    return run.stdout.splitlines()[-1]


def compile_once(model: Path, calibration: Path, folder: Path, weights: str) -> dict[str, float]:
    """Compile with `tf2c compile`, and in other processes with the function `tf2c.compile`."""
    tool = Path(sys.executable).parent / "tf2c"
    command = [tool, "compile", model, "--calib", calibration, "--weights", weights]
    if weights == "shift2":
        # Two terms of 512 channels and 3x3 taps are more words than the default engine holds.
        engine = folder / "engine.toml"
        engine.write_text("weight_depth = 2048\n")
        command += ["--engine", engine]
    started = time.perf_counter()
    peak = int(python("-c", WITH_MEMORY, *map(str, command), "-o", folder / f"{weights}.tf2c"))
    seconds = {"process_seconds": time.perf_counter() - started, "peak_mb": peak / 1024}
    if weights != "shift2":
        called = python("-c", IN_PROCESS, model, calibration, weights, folder / "called.tf2c")
        seconds["call_seconds"] = float(called)
    return seconds


def quantize_once(model: Path, calibration: Path) -> dict[str, float]:
    """Let ONNX Runtime quantize."""
    script = HERE / "peers" / "onnxruntime_quantize.py"
    seconds: dict[str, float] = json.loads(python(script, model, calibration))
    if PEERS is not None:
        reported = json.loads(python(Path(PEERS, "bench_ort.py"), "int8", model))
        seconds["bench_ort_quantize_s"] = reported["quantize_s"]
    return seconds


def main() -> None:
    """Measure, print, write."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in ("peer", *FORMS)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, calibration = folder / "resnet50.onnx", folder / "calibration.npy"
        # ONNX Runtime quantizes per channel from opset 13 on.
        network = version_converter.convert_version(light_model("resnet50"), 13)
        model.write_bytes(network.SerializeToString())
        # As bench_ort.py draws its images.
        images = [
            np.random.default_rng(seed).standard_normal((3, 224, 224))
            for seed in range(1, IMAGES + 1)
        ]
        np.save(calibration, np.array(images, np.float32))
        for _ in range(RUNS):
            runs["peer"].append(quantize_once(model, calibration))
            for weights in FORMS:
                runs[weights].append(compile_once(model, calibration, folder, weights))
    medians = {
        name: {
            key: round(statistics.median(run[key] for run in measured), 3) for key in measured[0]
        }
        for name, measured in runs.items()
    }
    peer = medians["peer"]
    peers = {
        "quantize_static alone": peer["quantize_static_seconds"],
        "quant_pre_process and quantize_static": peer["pre_process_seconds"]
        + peer["quantize_static_seconds"],
    }
    if PEERS is not None:
        peers["bench_ort.py's quantize_s"] = peer["bench_ort_quantize_s"]
    goals: dict[str, dict[str, float]] = {}
    for weights in FORMS:
        own = medians[weights]
        for peer_name, peer_seconds in peers.items():
            for kind in ("call", "process"):
                if f"{kind}_seconds" in own:
                    goals[f"{weights}: {kind} over {peer_name}"] = {
                        "measured": round(own[f"{kind}_seconds"] / peer_seconds, 3),
                        "goal": 1.0,
                    }
        goals[f"{weights}: peak memory, MB"] = {
            "measured": round(own["peak_mb"]),
            "goal": MEMORY_LIMIT_MB,
        }
    for name, goal in goals.items():
        verdict = "ok  " if goal["measured"] <= goal["goal"] else "MISS"
        print(f"{verdict} {name}: {goal['measured']} (goal {goal['goal']})")
    write_results(
        "compile",
        "python benchmarks/compile.py",
        ("tf2c", "xdsl", "numpy", "onnx", "onnxruntime"),
        {
            "network": "ResNet-50 v1, random weights (seed 0), 25.6 M",
            "calibration_images": IMAGES,
            "runs": RUNS,
            "medians": medians,
            "goals": goals,
        },
    )


if __name__ == "__main__":
    main()
