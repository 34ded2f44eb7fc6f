"""`tf2c eval`."""

from pathlib import Path

import click

from tf2c.cli.options import EXECUTORS, common_options, names, outputs_option, preprocessing_options
from tf2c.cli.output import print_json, print_note, show
from tf2c.cli.progress import progress_line
from tf2c.cli.threads import limited_threads


@click.command("eval")
@click.argument("network", type=Path)
@click.option("--images", type=Path, required=True, help="A folder of images.")
@click.option("--labels", type=Path, required=True, help="CSV with the columns file,label.")
@click.option(
    "--executor", help=f"{', '.join(EXECUTORS)}. [default: float for a model, else numpy]"
)
@preprocessing_options
@outputs_option
@click.option("--agreement", is_flag=True, help="Compare with the float network, too.")
@click.option("--limit", type=click.IntRange(1), help="Only the first N images.")
@common_options
def eval_command(
    network: Path,
    images: Path,
    labels: Path,
    executor: str | None,
    preprocess: str | None,
    label_offset: int | None,
    outputs: str | None,
    agreement: bool,
    limit: int | None,
    as_json: bool,
    seed: int,
    threads: int | None,
) -> None:
    """Measure the accuracy of NETWORK, an artifact or an .onnx file, on labeled images."""
    from tf2c import api

    notes: list[str] = []
    with limited_threads(threads), progress_line(f"evaluating {network.name}") as line:
        result = api.evaluate(
            network,
            images=images,
            labels=labels,
            executor=executor,
            preprocess=preprocess,
            label_offset=label_offset,
            outputs=names(outputs),
            agreement=agreement,
            limit=limit,
            note=notes.append,
            progress=line.images,
        )
    for note in notes:
        print_note(note)
    if as_json:
        print_json(result)
        return
    from tf2c.cli import tables

    show(tables.evaluation(result))
