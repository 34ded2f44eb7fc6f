"""`tf2c retrain`."""

from dataclasses import asdict
from pathlib import Path

import click

from tf2c.cli.options import common_options, names, outputs_option, preprocessing_options
from tf2c.cli.output import print_json, show
from tf2c.cli.progress import progress_line
from tf2c.cli.threads import limited_threads
from tf2c.learning.settings import DEFAULT_SETTINGS


@click.command("retrain")
@click.argument("model", type=Path)
@click.option("--images", type=Path, required=True, help="A folder of training images.")
@click.option(
    "--labels",
    type=Path,
    help="CSV with the columns file,label.  [default: the float network's predictions]",
)
@click.option("-o", "--output", type=Path, required=True, help="The network, RETRAINED.mlir.")
@click.option(
    "--epochs",
    type=int,
    default=DEFAULT_SETTINGS.epochs,
    show_default=True,
    help="After each of the five roundings.",
)
@click.option(
    "--batch",
    type=int,
    default=DEFAULT_SETTINGS.batch,
    show_default=True,
    help="Images per step.",
)
@click.option(
    "--learning-rate",
    type=float,
    default=DEFAULT_SETTINGS.learning_rate,
    show_default=True,
    help="Of the first epoch after each rounding.",
)
@click.option(
    "--checkpoint", type=Path, help="Written after every epoch; training resumes from it."
)
@preprocessing_options
@outputs_option
@common_options
def retrain_command(
    model: Path,
    images: Path,
    labels: Path | None,
    output: Path,
    epochs: int,
    batch: int,
    learning_rate: float,
    checkpoint: Path | None,
    preprocess: str | None,
    label_offset: int | None,
    outputs: str | None,
    as_json: bool,
    seed: int,
    threads: int | None,
) -> None:
    """Retrain MODEL (.onnx or .mlir) until every weight is a power of two (needs PyTorch)."""
    from tf2c import api

    with limited_threads(threads), progress_line(f"retraining {model.name}") as line:
        retrained = api.retrain(
            model,
            images=images,
            labels=labels,
            output=output,
            preprocess=preprocess,
            label_offset=label_offset,
            outputs=names(outputs),
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            checkpoint=checkpoint,
            seed=seed,
            threads=threads,
            progress=line.images,
        )
    if as_json:
        print_json({"output": str(output), **asdict(retrained.outcome)})
        return
    from tf2c.cli import tables

    compared = "accuracy" if labels is not None else "agrees with float"
    show(tables.retraining(retrained.outcome, compared))
    print(f"wrote {output}")
