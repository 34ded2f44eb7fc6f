"""Options that several commands take, and words that options repeat so that `--help` is fast."""

from collections.abc import Callable

import click

EXECUTORS = ("float", "numpy", "emulator")
STAGES = ("graph", "int8", "shift", "dataflow")
PRESETS = ("unit", "none", "imagenet", "caffe", "tensorflow")

Command = Callable[..., None]


def common_options(command: Command) -> Command:
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


def preprocessing_options(command: Command) -> Command:
    """Add what commands take that read labeled image files."""
    offset = click.option(
        "--label-offset", type=int, help="Added to labels: 1 if the first class is the background."
    )
    command = offset(command)
    return click.option(
        "--preprocess",
        metavar="NAME",
        help=f"How image files become inputs: {', '.join(PRESETS)}, or a .toml file.",
    )(command)
