"""`tf2c run`."""

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from tf2c.cli.options import common_options, device_options
from tf2c.cli.output import print_json, print_note, show, write_array
from tf2c.cli.progress import progress_line
from tf2c.cli.threads import limited_threads
from tf2c.errors import UserError


@click.command("run")
@click.argument("network", type=Path)
@click.argument("inputs", type=Path)
@click.option("-o", "--output", type=Path, help="Write the real results as .npy.")
@device_options
@click.option("--verify", is_flag=True, help="Compare every element with the simulator.")
@click.option(
    "--batch",
    default=1,
    show_default=True,
    help="Images side by side in the engine's cache; weights come once for each batch.",
)
@click.option("--timeout", default=120.0, show_default=True, help="Seconds a batch may take.")
@common_options
def run_command(
    network: Path,
    inputs: Path,
    output: Path | None,
    device: str,
    verify: bool,
    aocx: Path | None,
    batch: int,
    timeout: float,
    as_json: bool,
    seed: int,
    threads: int | None,
) -> None:
    """Run the artifact NETWORK on INPUTS: an .npy file (NxCxHxW), a folder or a list of images."""
    from tf2c import api
    from tf2c.runtime.devices import open_device

    if output is not None and output.suffix != ".npy":
        raise UserError(f"{output}: expected an output that ends in .npy")
    artifact = api.load(network)
    images = artifact.images(inputs)
    if inputs.suffix != ".npy" and not artifact.manifest.preprocessing:
        print_note(api.NO_PREPROCESSING_NOTE)
    started = time.perf_counter()
    facts: dict[str, Any] = {"device": device, "images": len(images)}
    kernels = artifact.kernels if aocx is None else read_file(aocx)
    with (
        limited_threads(threads),
        closing(open_device(device, kernels, timeout)) as opened,
        progress_line(f"running on {device}") as line,
    ):
        line.images("input", 0, len(images))
        if verify:
            comparison = artifact.compare(images, opened, line.advance, batch)
            result = comparison.result
            facts |= {"elements": comparison.elements, "differences": comparison.differences}
        else:
            result = artifact.execute(images, opened, line.advance, batch)
    facts |= {"seconds": time.perf_counter() - started, "iterations": result.iterations}
    facts["loaded"] = {"bytes": result.loaded.bytes, "seconds": result.loaded.seconds}
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


def read_file(path: Path) -> bytes:
    """Read a file that the user names.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
