"""`tf2c compile`."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tf2c.cli.options import (
    METHODS,
    SCALES,
    common_options,
    engine_of,
    lowering_options,
    names,
    preprocessing_options,
)
from tf2c.cli.output import print_json, print_note, show
from tf2c.cli.progress import progress_line
from tf2c.cli.threads import limited_threads


@click.command("compile")
@click.argument("model", type=Path)
@click.option("-o", "--output", type=Path, required=True, help="The artifact, NET.tf2c.")
@click.option(
    "--calib", required=True, help="Calibration images: DIR, LIST.txt, FILE.npy or random:N."
)
@click.option("--board", default="pac_a10", show_default=True, help="A name, or a .toml file.")
@lowering_options
@click.option(
    "--method",
    default=METHODS[0],
    show_default=True,
    help=f"How weights are rounded: {', '.join(METHODS)}.",
)
@click.option(
    "--scales",
    default=SCALES[0],
    show_default=True,
    help=f"How activation scales are chosen: {', '.join(SCALES)}.",
)
@click.option("--images", type=Path, help="Labeled images to measure accuracy on.")
@click.option("--labels", type=Path, help="CSV with the columns file,label.")
@preprocessing_options
@click.option("--check", is_flag=True, help="Check what every pass promises.")
@click.option("--dump-ir", type=Path, help="Write the IR after every pass into this folder.")
@common_options
def compile_command(
    model: Path,
    output: Path,
    calib: str,
    board: str,
    weights: str,
    activations: str,
    leave_out: tuple[str, ...],
    engine_sizes: tuple[int, int, int, int] | None,
    to: str | None,
    outputs: str | None,
    method: str,
    scales: str,
    images: Path | None,
    labels: Path | None,
    preprocess: str | None,
    label_offset: int | None,
    check: bool,
    dump_ir: Path | None,
    as_json: bool,
    seed: int,
    threads: int | None,
) -> None:
    """Compile MODEL (.onnx) into an artifact."""
    from tf2c import api
    from tf2c.cli.ir_dump import IrDump

    engine = engine_of(engine_sizes)
    reports: list[Any] = []
    dump = None if dump_ir is None else IrDump(dump_ir)
    with limited_threads(threads), progress_line(f"compiling {model.name}") as line:

        def observe(report: Any, module: Any) -> None:
            reports.append(report)
            line.say(f"{report.name} done")
            if dump is not None:
                dump.write(report.name, module)

        artifact = api.compile(
            model,
            calib=calib,
            board=board,
            weights=weights,
            method=method,
            scales=scales,
            activations=activations,
            leave_out=leave_out,
            outputs=names(outputs),
            output=output,
            to=to,
            engine=engine,
            images=images,
            labels=labels,
            preprocess=preprocess,
            label_offset=label_offset,
            check=check,
            seed=seed,
            observer=observe,
            progress=line.images,
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
        print_note(note)
    show(tables.passes(reports))
    if artifact.manifest.measured:
        show(tables.accuracy(artifact.manifest.measured))
    show(tables.artifact(artifact))
