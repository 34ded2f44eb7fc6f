"""How long compensated rounding takes, and how much memory: SqueezeNet 1.1, and 25 M weights.

    python benchmarks/rounding.py

Whole `tf2c compile` with one power of two per weight, from ONNX to stage `shift`, each in a process
of its own with all cores: SqueezeNet 1.1 (trained where `TF2C_DATA` has it) and ResNet-50 with
random weights. Images are random: what they show does not change the time. Writes
results/rounding.json. Goals: 3 minutes and 10 minutes on two cores, 4 GB.
"""

import sys
import tempfile
import time
from pathlib import Path

from compile import WITH_MEMORY, python
from report import write_results
from rich.console import Console
from rich.table import Table
from simulation import resnet50, squeezenet

IMAGES = 100
MEMORY_LIMIT_MB = 4000
NETWORKS = {"SqueezeNet 1.1": (squeezenet, 180), "ResNet-50 (25.6 M weights)": (resnet50, 600)}
"""How to make each, and within how many seconds it is to be rounded."""


def main() -> None:
    """Measure, print, write."""
    table = Table(title=f"compensated rounding, {IMAGES} images")
    for column in ("network", "seconds", "goal", "peak MB", "limit"):
        table.add_column(column, justify="left" if column == "network" else "right")
    figures: dict[str, dict[str, float]] = {}
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
            table.add_row(name, *map(str, figures[name].values()))
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
