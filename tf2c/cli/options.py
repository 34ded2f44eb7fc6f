"""Options that several commands take, and words that options repeat so that `--help` is fast."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tf2c.errors import UserError

if TYPE_CHECKING:
    from tf2c.engine import Engine

EXECUTORS = ("float", "numpy", "onnxruntime", "openvino", "simulator", "emulator")
RUNNERS = ("interpreter", "numpy", "onnxruntime", "openvino")
STAGES = ("graph", "prepare", "int8", "shift", "dataflow")
PRESETS = ("unit", "none", "imagenet", "caffe", "tensorflow")

WEIGHTS = ("shift1", "shift2", "mixed", "int8")
METHODS = ("compensated", "learned", "nearest")
CHANNELS = ("shared", "mse", "ceiling")
SCALES = ("mse", "minmax", "percentile", "entropy")
ACTIVATIONS = ("int8", "uint8")
FLOAT_ONLY = ("lrn",)

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
        "--threads", type=click.IntRange(1), help="CPU threads of whatever computes."
    )(command)


def device_options(command: Command) -> Command:
    """Add what commands take that run programs on devices."""
    command = click.option("--aocx", type=Path, help="The engine as built by `aoc` for a card.")(
        command
    )
    return click.option(
        "--device",
        default="simulator",
        show_default=True,
        help="simulator, emulator, opencl:PLATFORM, opencl:PLATFORM:NUMBER.",
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


def outputs_option(command: Command) -> Command:
    """Add what commands take that import a model."""
    return click.option(
        "--outputs", metavar="NAME[,NAME]", help="Cut the network at these tensors or layers."
    )(command)


def names(listed: str | None) -> tuple[str, ...]:
    """Return the names that `--outputs` lists.

    Raises:
        UserError: one of them is empty.
    """
    if listed is None:
        return ()
    found = tuple(name.strip() for name in listed.split(","))
    if "" in found:
        raise UserError(f"--outputs: expected names and single commas between them, got `{listed}`")
    return found


def engine_of(path: Path | None) -> "Engine":
    """Return the engine of `--engine`.

    Raises:
        UserError: there is no such file, or it describes no engine.
    """
    from tf2c.engine import Engine
    from tf2c.engine_file import load_engine

    return Engine() if path is None else load_engine(path)


def lowering_options(command: Command) -> Command:
    """Add what commands take that lower a network: its arithmetic, its engine, how far."""
    for option in reversed(
        (
            click.option(
                "--weights",
                default=WEIGHTS[0],
                show_default=True,
                help=f"{', '.join(WEIGHTS)}: one or two powers of two, by layer, or multiplied.",
            ),
            click.option(
                "--activations",
                default=ACTIVATIONS[0],
                show_default=True,
                help=f"{', '.join(ACTIVATIONS)}: unsigned where never negative.",
            ),
            click.option(
                "--leave-out",
                multiple=True,
                metavar="WHAT",
                help=f"Leave layers out that exist in float only: {', '.join(FLOAT_ONLY)}.",
            ),
            click.option(
                "--engine",
                "engine_file",
                type=click.Path(path_type=Path),
                metavar="FILE",
                help="Sizes of the engine, a .toml file such as `filter_vector = 16`.",
            ),
            click.option(
                "--to",
                help=f"Stop after {', '.join(STAGES)}.  [default: as far as the choices go]",
            ),
            outputs_option,
        )
    ):
        command = option(command)
    return command
