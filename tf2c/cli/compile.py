"""`tf2c compile`."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tf2c.cli.options import (
    CHANNELS,
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
@click.option(
    "--channels",
    help=f"Steps of a tensor's channels: {', '.join(CHANNELS)}.  [default: as the method says]",
)
@click.option("--images", type=Path, help="Labeled images to measure accuracy on.")
@click.option("--labels", type=Path, help="CSV with the columns file,label.")
@click.option(
    "--terms-per-mac", type=float, help="Of mixed weights.  [default: the fewest, or 1.3]"
)
@click.option("--max-loss", type=float, metavar="POINTS", help="Of top-1, on the labeled images.")
@click.option(
    "--min-agreement",
    type=float,
    metavar="PERCENT",
    help="With float; without labeled images, on calibration images that are held out.",
)
@click.option("--allow-loss", is_flag=True, help="Compile although a limit is missed.")
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
    engine_file: Path | None,
    to: str | None,
    outputs: str | None,
    method: str,
    scales: str,
    channels: str | None,
    images: Path | None,
    labels: Path | None,
    preprocess: str | None,
    label_offset: int | None,
    terms_per_mac: float | None,
    max_loss: float | None,
    min_agreement: float | None,
    allow_loss: bool,
    check: bool,
    dump_ir: Path | None,
    as_json: bool,
    seed: int,
    threads: int | None,
) -> None:
    """Compile MODEL (.onnx, or .mlir of stage graph) into an artifact."""
    from tf2c import api
    from tf2c.cli import tables
    from tf2c.cli.ir_dump import IrDump
    from tf2c.gate import AccuracyError

    engine = engine_of(engine_file)
    reports: list[Any] = []
    dump = None if dump_ir is None else IrDump(dump_ir)
    with limited_threads(threads), progress_line(f"compiling {model.name}") as line:

        def observe(report: Any, module: Any) -> None:
            reports.append(report)
            line.say(f"{report.name} done")
            if dump is not None:
                dump.write(report.name, module)

        try:
            artifact = api.compile(
                model,
                calib=calib,
                board=board,
                weights=weights,
                method=method,
                scales=scales,
                channels=channels,
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
                terms_per_mac=terms_per_mac,
                max_loss=max_loss,
                min_agreement=min_agreement,
                allow_loss=allow_loss,
                check=check,
                seed=seed,
                observer=observe,
                progress=line.images,
            )
        except AccuracyError as error:
            if as_json:
                print_json({"layers": [asdict(layer) for layer in error.layers]})
            else:
                show(tables.layer_losses(error.layers))
            raise
    if as_json:
        print_json(
            {
                "artifact": str(artifact.path),
                "passes": [asdict(report) for report in reports],
                **asdict(artifact.manifest),
            }
        )
        return
    for note in artifact.manifest.notes:
        print_note(note)
    show(tables.passes(reports))
    if artifact.manifest.mixture:
        show(tables.mixture(artifact.manifest.mixture))
    if artifact.manifest.layers:
        show(tables.engine(artifact.manifest.layers))
    if artifact.manifest.measured:
        show(tables.accuracy(artifact.manifest.measured))
    show(tables.artifact(artifact))
