"""How long compensated rounding takes, and how much memory: few weights, many, and long rows.

    python benchmarks/rounding.py

Whole `tf2c compile` with one power of two per weight, from ONNX to stage `shift`, each in a process
of its own with all cores: SqueezeNet 1.1 (trained where `TF2C_DATA` has it), ResNet-50 with
random weights, and VGG's three fully connected layers, the first of which has 25088 weights per
row. Images are random: what they show does not change the time. Writes results/rounding.json.
Goals: 3 minutes and 10 minutes on two cores for the first two, and 4 GB.
"""

import sys
import tempfile
import time
from pathlib import Path

import onnx.shape_inference
from compile import WITH_MEMORY, python
from onnx.utils import Extractor
from random_networks import light_model
from report import write_results
from rich.console import Console
from rich.table import Table
from simulation import resnet50, squeezenet

IMAGES = 100
MEMORY_LIMIT_MB = 4000

LAST_POOLING = "r36"
"""Of VGG's convolutions, `[1, 512, 7, 7]`."""


def vgg_classifier() -> onnx.ModelProto:
    """VGG's fully connected layers, of 25088, 4096 and 4096 weights per row, random."""
    whole = onnx.shape_inference.infer_shapes(light_model("vgg19"))
    return Extractor(whole).extract_model([LAST_POOLING], ["prob_1"])


NETWORKS = {
    "SqueezeNet 1.1": (squeezenet, 180),
    "ResNet-50 (25.6 M weights)": (resnet50, 600),
    "classifier of VGG (123.6 M weights)": (vgg_classifier, None),
}
"""How to make each, and within how many seconds it is to be rounded, if that is asked."""


def main() -> None:
    """Measure, print, write."""
    table = Table(title=f"compensated rounding, {IMAGES} images")
    for column in ("network", "seconds", "goal", "peak MB", "limit"):
        table.add_column(column, justify="left" if column == "network" else "right")
    figures: dict[str, dict[str, float | None]] = {}
    tool = Path(sys.executable).parent / "tf2c"
    with tempfile.TemporaryDirectory() as folder:
        for name, (network, goal) in NETWORKS.items():
            model = Path(folder, "net.onnx")
            model.write_bytes(network().SerializeToString())
            command = [tool, "compile", model, "--calib", f"random:{IMAGES}", "--to", "shift"]
            command += ["-o", Path(folder, "net.tf2c")]
            started = time.perf_counter()
            peak = int(python("-c", WITH_MEMORY, *map(str, command)))
            figures[name] = {
                "seconds": round(time.perf_counter() - started, 1),
                "goal_seconds": goal,
                "peak_mb": round(peak / 1024),
                "limit_mb": MEMORY_LIMIT_MB,
            }
            shown = ("" if each is None else str(each) for each in figures[name].values())
            table.add_row(name, *shown)
    Console().print(table)
    packages = ("tf2c", "xdsl", "numpy", "onnx")
    write_results(
        "rounding",
        "python benchmarks/rounding.py",
        packages,
        {"calibration_images": IMAGES, "networks": figures},
    )


if __name__ == "__main__":
    main()
