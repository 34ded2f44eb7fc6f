"""`tf2c bisect`."""

from dataclasses import asdict

import click

from tf2c.cli.options import RUNNERS, common_options
from tf2c.cli.output import print_json, print_note, show
from tf2c.cli.progress import progress_line
from tf2c.cli.threads import limited_threads
from tf2c.errors import UserError


@click.command("bisect", epilog=f"Executors are {', '.join(RUNNERS)}.")
@click.argument("a")
@click.argument("b")
@click.option(
    "--images",
    default="random:2",
    show_default=True,
    help="Images to run both on: DIR, LIST.txt, FILE.npy or random:N.",
)
@click.option("--calib", help="Calibration images, to choose scales again.")
@click.option("--expect-identical", is_flag=True, help="Exit with 1 if anything differs.")
@common_options
def bisect_command(
    a: str,
    b: str,
    images: str,
    calib: str | None,
    expect_identical: bool,
    as_json: bool,
    seed: int,
    threads: int | None,
) -> None:
    """Name the first layer, and the first pass, where A and B differ.

    A and B are ARTIFACT[:STAGE][@EXECUTOR] or FILE.mlir[@EXECUTOR], by default the last stage and
    the interpreter. Between two stages of one artifact, the passes run again, one by one.

    A difference is a result: the exit code is 0, too.
    """
    from tf2c import api

    with limited_threads(threads), progress_line(f"comparing {a} and {b}") as line:
        found = api.bisect(a, b, images=images, calib=calib, seed=seed, progress=line.images)
    if as_json:
        first_pass = found.first_pass
        broken = found.first_broken_pass
        print_json(
            {
                "identical": found.is_identical,
                "first_layer": None if found.first is None else found.first.layer,
                "first_pass": None if first_pass is None else first_pass.name,
                "first_broken_pass": None if broken is None else broken.name,
                **asdict(found),
            }
        )
    else:
        from tf2c.cli import difference_tables

        for note in found.notes:
            print_note(note)
        show(difference_tables.layers(found))
        if found.passes:
            show(difference_tables.passes(found))
        print(difference_tables.verdict(found))
    if expect_identical and found.first is not None:
        raise UserError(f"{found.a} and {found.b} differ, first in layer `{found.first.layer}`")
