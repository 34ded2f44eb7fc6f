"""`tf2c check`."""

from dataclasses import asdict
from pathlib import Path

import click

from tf2c.cli.options import common_options, engine_of, lowering_options, names
from tf2c.cli.output import print_json, show
from tf2c.cli.progress import progress_line
from tf2c.cli.threads import limited_threads
from tf2c.errors import UserError


@click.command("check")
@click.argument("model", type=Path)
@lowering_options
@common_options
def check_command(
    model: Path,
    weights: str,
    activations: str,
    leave_out: tuple[str, ...],
    engine_file: Path | None,
    to: str | None,
    outputs: str | None,
    as_json: bool,
    seed: int,
    threads: int | None,
) -> None:
    """Say of every layer of MODEL whether it runs, is folded away, or is refused, and why.

    MODEL is an .onnx file, or an .mlir file of stage graph. Exits with 1 if anything is refused.
    """
    from tf2c import api

    engine = engine_of(engine_file)
    with limited_threads(threads), progress_line(f"checking {model.name}"):
        survey = api.check(
            model,
            weights=weights,
            activations=activations,
            leave_out=leave_out,
            outputs=names(outputs),
            to=to,
            engine=engine,
        )
    if as_json:
        print_json({"model": str(model), "supported": survey.is_supported, **asdict(survey)})
    else:
        from tf2c.cli import tables

        show(tables.survey(survey))
    if survey.is_supported:
        return
    if survey.refusal is not None:
        reason, remedy = survey.refusal
        raise UserError(f"{model}: {reason}", remedy)
    refused = [each for each in survey.layers if each.verdict == "refused"]
    raise UserError(
        f"{model}: {len(refused)} of {len(survey.layers)} layers are refused, "
        f"first `{refused[0].layer}`",
        refused[0].remedy,
    )
