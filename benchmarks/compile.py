"""From ONNX to an artifact, beside ONNX Runtime's `quantize_static`: ResNet-50, 25 M weights.

    python benchmarks/compile.py

Both get the same model with seeded random weights and the same 8 calibration images, in turn, each
in a process of its own. Writes results/compile.json: seconds, ratios, peak memory. Goals: faster
than `quantize_static`, and at most 2 GB.
"""

import json
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


def compile_once(model: Path, calibration: Path, folder: Path, weights: str) -> dict[str, float]:
    """Compile in a process of its own; return its wall clock and the memory it had at most."""
    tool = Path(sys.executable).parent / "tf2c"
    command = [tool, "compile", model, "--calib", calibration, "--weights", weights]
    # Two terms of 512 channels and 3x3 taps are more words than the default engine holds.
    command += ["--engine", "16", "8", "2048", "512"] if weights == "shift2" else []
    measured = "\n".join(
        (
            "import resource, subprocess, sys",
            "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)",
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
        )
    )
    started = time.perf_counter()
    output = folder / f"{weights}.tf2c"
    run = subprocess.run(
        [sys.executable, "-c", measured, *map(str, command), "-o", str(output)],
        check=True,
        capture_output=True,
        text=True,
    )
    return {"seconds": time.perf_counter() - started, "peak_mb": int(run.stdout) / 1024}


def quantize_once(model: Path, calibration: Path) -> dict[str, float]:
    """Let ONNX Runtime quantize in a process of its own."""
    script = HERE / "peers" / "onnxruntime_quantize.py"
    started = time.perf_counter()
    run = subprocess.run(
        [sys.executable, script, model, calibration], check=True, capture_output=True, text=True
    )
    seconds = json.loads(run.stdout.splitlines()[-1])
    return {"process_seconds": time.perf_counter() - started, **seconds}


def main() -> None:
    """Measure, print, write."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in ("peer", *FORMS)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, calibration = folder / "resnet50.onnx", folder / "calibration.npy"
        # ONNX Runtime quantizes per channel from opset 13 on.
        network = version_converter.convert_version(light_model("resnet50"), 13)
        model.write_bytes(network.SerializeToString())
        images = np.random.default_rng(1).normal(size=(IMAGES, 3, 224, 224))
        np.save(calibration, images.astype(np.float32))
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
    alone = peer["quantize_static_seconds"]
    complete = alone + peer["pre_process_seconds"]
    goals: dict[str, dict[str, float]] = {}
    for weights in FORMS:
        seconds, peak = medians[weights]["seconds"], medians[weights]["peak_mb"]
        goals[f"{weights}: process over `quantize_static` with `quant_pre_process`"] = {
            "measured": round(seconds / complete, 3),
            "goal": 1.0,
        }
        goals[f"{weights}: process over `quantize_static` alone"] = {
            "measured": round(seconds / alone, 3),
            "goal": 1.0,
        }
        goals[f"{weights}: peak memory, MB"] = {"measured": round(peak), "goal": MEMORY_LIMIT_MB}
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
