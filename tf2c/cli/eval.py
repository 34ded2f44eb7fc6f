"""`tf2c eval`."""

from pathlib import Path

import click

from tf2c.cli.options import EXECUTORS, common_options, names, outputs_option, preprocessing_options
from tf2c.cli.output import print_json, print_note, show, write_json
from tf2c.cli.progress import progress_line
from tf2c.cli.threads import limited_threads
from tf2c.whole_files import expect_writable


@click.command("eval")
@click.argument("network", type=Path)
@click.option("--images", type=Path, required=True, help="A folder of images.")
@click.option("--labels", type=Path, required=True, help="CSV with the columns file,label.")
@click.option(
    "--executor", help=f"{', '.join(EXECUTORS)}.  [default: float for a model, else numpy]"
)
@preprocessing_options
@outputs_option
@click.option("--agreement", is_flag=True, help="Compare with the float network, too.")
@click.option(
    "--trace", type=Path, help="Write how float, int8 and shift differ, by layer, as JSON."
)
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
    trace: Path | None,
    limit: int | None,
    as_json: bool,
    seed: int,
    threads: int | None,
) -> None:
    """Measure the accuracy of NETWORK on labeled images: an artifact, .onnx, or .mlir in float."""
    from tf2c import api

    if trace is not None:
        expect_writable(trace, ".json")
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
            trace=trace is not None,
            limit=limit,
            seed=seed,
            note=notes.append,
            progress=line.images,
        )
    for note in notes:
        print_note(note)
    traced = result.pop("trace", None)
    if trace is not None:
        write_json(trace, traced)
        result["trace"] = str(trace)
    if as_json:
        print_json(result)
        return
    from tf2c.cli import tables

    if traced is not None:
        show(tables.trace(traced))
    show(tables.evaluation(result))
    if "layers" in result:
        print(tables.assignments(result["layers"], result["executor"]))
