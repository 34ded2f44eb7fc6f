"""`tf2c`: data on stdout, everything for people's eyes on stderr, one JSON object with `--json`."""

import json
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tf2c.cli import diagnostics
from tf2c.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

EXECUTORS = ("float", "numpy", "emulator")
STAGES = ("graph", "int8", "shift", "dataflow")


def common_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what every command takes."""
    command = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")(
        command
    )
    seed = click.option(
        "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of anything random."
    )
    command = seed(command)
    return click.option(
        "--threads", type=click.IntRange(1), help="CPU threads of matrix products."
    )(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tf2c")
def cli() -> None:
    """Compile trained convolutional networks to FPGA cards by shift computing."""


@cli.command("compile")
@click.argument("model", type=Path)
@click.option("-o", "--output", type=Path, required=True, help="The artifact, NET.tf2c.")
@click.option("--calib", required=True, help="Calibration images: DIR, FILE.npy or random:N.")
@click.option("--board", default="pac_a10", show_default=True, help="A name, or a .toml file.")
@click.option("--weights", default="shift1", show_default=True, help="One power of two each.")
@click.option(
    "--to", default=STAGES[-1], show_default=True, help=f"Stop after {', '.join(STAGES)}."
)
@click.option(
    "--engine",
    "engine_sizes",
    type=(click.IntRange(1),) * 4,
    metavar="FILTERS CHANNELS WORDS DEPTH",
    help="Sizes of the engine: vectors, weight words on chip, depth of channels.",
)
@click.option("--images", type=Path, help="Labeled images to measure accuracy on.")
@click.option("--labels", type=Path, help="CSV with the columns file,label.")
@click.option("--check", is_flag=True, help="Check what every pass promises.")
@click.option("--dump-ir", type=Path, help="Write the IR after every pass into this folder.")
@common_options
def compile_command(
    model: Path,
    output: Path,
    calib: str,
    board: str,
    weights: str,
    to: str,
    engine_sizes: tuple[int, int, int, int] | None,
    images: Path | None,
    labels: Path | None,
    check: bool,
    dump_ir: Path | None,
    as_json: bool,
    seed: int,
    threads: int | None,
) -> None:
    """Compile MODEL (.onnx) into an artifact."""
    from tf2c import api
    from tf2c.cli.ir_dump import IrDump
    from tf2c.engine import Engine

    try:
        engine = Engine(*engine_sizes) if engine_sizes is not None else Engine()
    except ValueError as error:
        raise UserError(f"--engine: {error}") from error
    reports: list[Any] = []
    dump = None if dump_ir is None else IrDump(dump_ir)
    with limited_threads(threads), spinner(f"compiling {model.name}") as say:

        def observe(report: Any, module: Any) -> None:
            reports.append(report)
            say(report.name)
            if dump is not None:
                dump.write(report.name, module)

        artifact = api.compile(
            model,
            calib=calib,
            board=board,
            weights=weights,
            output=output,
            to=to,
            engine=engine,
            images=images,
            labels=labels,
            check=check,
            seed=seed,
            observer=observe,
        )
    if as_json:
        print_json(
            {
                "artifact": str(artifact.path),
                "passes": [asdict(report) for report in reports],
                **asdict(artifact.manifest),
            }
        )
        return
    from tf2c.cli import tables

    for note in artifact.manifest.notes:
        print(f"note: {note}", file=sys.stderr)
    show(tables.passes(reports))
    if artifact.manifest.measured:
        show(tables.accuracy(artifact.manifest.measured))
    show(tables.artifact(artifact))


@cli.command("eval")
@click.argument("network", type=Path)
@click.option("--images", type=Path, required=True, help="A folder of images.")
@click.option("--labels", type=Path, required=True, help="CSV with the columns file,label.")
@click.option("--executor", default="numpy", show_default=True, help=", ".join(EXECUTORS))
@click.option("--limit", type=click.IntRange(1), help="Only the first N images.")
@common_options
def eval_command(
    network: Path,
    images: Path,
    labels: Path,
    executor: str,
    limit: int | None,
    as_json: bool,
    seed: int,
    threads: int | None,
) -> None:
    """Measure the accuracy of NETWORK, an artifact or an .onnx file, on labeled images."""
    from tf2c import api

    with limited_threads(threads), progress_bar(f"evaluating {network.name}") as (total, advance):
        result = api.evaluate(
            network,
            images=images,
            labels=labels,
            executor=executor,
            limit=limit,
            total=total,
            progress=advance,
        )
    if as_json:
        print_json(result)
        return
    from tf2c.cli import tables

    show(tables.evaluation(result))


@cli.command("run")
@click.argument("network", type=Path)
@click.argument("inputs", type=Path)
@click.option("-o", "--output", type=Path, help="Write the real results as .npy.")
@click.option(
    "--device", default="simulator", show_default=True, help="simulator, emulator, opencl:PLATFORM."
)
@click.option("--verify", is_flag=True, help="Compare every element with the simulator.")
@click.option("--aocx", type=Path, help="The engine as built by `aoc` for a card.")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds a batch may take.")
@common_options
def run_command(
    network: Path,
    inputs: Path,
    output: Path | None,
    device: str,
    verify: bool,
    aocx: Path | None,
    timeout: float,
    as_json: bool,
    seed: int,
    threads: int | None,
) -> None:
    """Run the artifact NETWORK on INPUTS, an .npy file (NxCxHxW) or a folder of images."""
    from tf2c import api
    from tf2c.frontends.images import load_images
    from tf2c.runtime.devices import open_device

    if output is not None and output.suffix != ".npy":
        raise UserError(f"{output}: expected an output that ends in .npy")
    artifact = api.load(network)
    batch = load_images(inputs, tuple(artifact.manifest.input_shape))
    started = time.perf_counter()
    facts: dict[str, Any] = {"device": device, "images": len(batch)}
    kernels = artifact.kernels if aocx is None else read_file(aocx)
    with (
        limited_threads(threads),
        closing(open_device(device, kernels, timeout)) as opened,
        progress_bar(f"running on {device}") as (total, advance),
    ):
        total(len(batch))
        if verify:
            comparison = artifact.compare(batch, opened, advance)
            result = comparison.result
            facts |= {"elements": comparison.elements, "differences": comparison.differences}
        else:
            result = artifact.execute(batch, opened, advance)
    facts |= {"seconds": time.perf_counter() - started, "iterations": result.iterations}
    if output is not None:
        write_array(output, result.values)
        facts["output"] = str(output)
    if as_json:
        print_json(facts)
    else:
        from tf2c.cli import tables

        show(tables.run(facts))
    if facts.get("differences"):
        from tf2c.errors import DeviceError

        raise DeviceError(
            f"{facts['differences']} of {facts['elements']} elements differ between `{device}` "
            "and the simulator"
        )


@cli.command("boards")
@common_options
def boards_command(as_json: bool, seed: int, threads: int | None) -> None:
    """List the boards that tf2c knows."""
    from tf2c.boards import known_boards

    boards = known_boards()
    if as_json:
        print_json({"boards": [asdict(board) for board in boards.values()]})
        return
    from tf2c.cli import tables

    show(tables.boards(list(boards.values())))


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object on stdout."""
    print(json.dumps(content, indent=2))


def show(table: "Table") -> None:
    """Print a table on stdout, as wide as the terminal or as it needs to be in a pipe."""
    from rich.console import Console

    console = Console(file=sys.stdout)
    if not console.is_terminal:
        console = Console(file=sys.stdout, width=120)
    console.print(table)


def read_file(path: Path) -> bytes:
    """Read a file that the user names."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error


def write_array(path: Path, array: Any) -> None:
    """Write an .npy file, all of it or nothing."""
    import numpy as np

    temporary = path.with_name(f".{path.name}.partial")
    try:
        with temporary.open("wb") as file:
            np.save(file, array)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error


@contextmanager
def limited_threads(count: int | None) -> Generator[None]:
    """Limit the threads of matrix products for a while."""
    if count is None:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(count):
        yield


@contextmanager
def spinner(text: str) -> Generator[Callable[[str], None]]:
    """Show on a terminal's stderr what is being done; yields how to say the next step."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda step: None
        return
    with console.status(text) as status:
        yield lambda step: status.update(f"{text}: {step} done")


@contextmanager
def progress_bar(text: str) -> Generator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Show progress over images on a terminal's stderr; yields how to set the total and advance."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(text, total=None)
        yield (
            lambda total: progress.update(task, total=total),
            lambda count: progress.advance(task, count),
        )


def main() -> None:
    """Run `tf2c` and exit: 0 ok, 1 the user's input, 2 our bug."""

    def run() -> None:
        try:
            cli.main(standalone_mode=False)
        except click.exceptions.NoArgsIsHelpError as error:
            print(error.format_message())
        except click.exceptions.Abort as error:
            raise KeyboardInterrupt from error
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            path = context.command_path if context is not None else "tf2c"
            raise UserError(
                error.format_message().rstrip("."), hint=f"see `{path} --help`"
            ) from error

    sys.exit(diagnostics.guarded(run))
