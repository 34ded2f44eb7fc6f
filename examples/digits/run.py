"""The bundled network through the whole compiler, and one table of what came out: `make run`.

Compiles `digits.onnx` with 4-bit shift weights, evaluates it in float, in int8 and in exact shift
integers on its held-out images, runs the same images through the generated OpenCL on Intel's FPGA
emulator, and compares every stored element of every layer with the simulator's.
"""

import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import tf2c

HERE = Path(__file__).parent
OUTPUT = Path("build/digits.tf2c")


def main() -> int:
    console = Console(stderr=True)
    with console.status("compiling and evaluating"):
        network = tf2c.compile(
            HERE / "digits.onnx",
            calib=HERE / "calibration",
            images=HERE / "heldout",
            labels=HERE / "heldout.csv",
            output=OUTPUT,
            check=True,
        )
    images = network.images(HERE / "heldout")
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("running OpenCL on the emulator", total=len(images))
        comparison = network.compare(
            images, "emulator", lambda count: progress.advance(task, count)
        )

    measured = network.manifest.measured
    table = Table(title=f"digits: {measured['images']} held-out images", show_header=False)
    for name in ("float", "int8", "shift"):
        table.add_row(f"accuracy, {name}", f"{measured[name]['top1']:.2f} %")
    for name in ("int8", "shift"):
        table.add_row(f"agreement of {name} with float", f"{measured[name]['agreement']:.2f} %")
    table.add_section()
    table.add_row(
        "OpenCL on the emulator beside the simulator",
        f"{comparison.differences} of {comparison.elements} elements differ",
    )
    lanes = comparison.result.iterations["pe"]
    table.add_row("loop iterations of the PE kernel", f"{lanes} ({lanes // len(images)} per image)")
    table.add_section()
    for name in ("program.bin", "weights.bin", "kernels/engine.cl", "manifest.json"):
        path = network.path / name
        table.add_row(f"wrote {path}", f"{path.stat().st_size} bytes")
    stages = sorted(path.name for path in (network.path / "ir").glob("*.mlir"))
    table.add_row(f"wrote {network.path / 'ir'}/", ", ".join(stages))
    Console(width=None if sys.stdout.isatty() else 110).print(table)
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    sys.exit(main())
