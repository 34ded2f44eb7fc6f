"""`tf2c`: data on stdout, everything for people's eyes on stderr, one JSON object with `--json`."""

import sys

import click

from tf2c.cli import diagnostics
from tf2c.cli.bisect import bisect_command
from tf2c.cli.boards import boards_command
from tf2c.cli.check import check_command
from tf2c.cli.compile import compile_command
from tf2c.cli.eval import eval_command
from tf2c.cli.retrain import retrain_command
from tf2c.cli.run import run_command
from tf2c.cli.serve import serve_command
from tf2c.errors import UserError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tf2c")
def cli() -> None:
    """Compile trained convolutional networks to FPGA cards by shift computing."""


COMMANDS = (
    check_command,
    compile_command,
    retrain_command,
    eval_command,
    run_command,
    serve_command,
    bisect_command,
    boards_command,
)

for each in COMMANDS:
    cli.add_command(each)


def _command_path() -> str:
    return " ".join(["tf2c", *(name for name in sys.argv[1:2] if name in cli.commands)])


def main() -> None:
    """Run `tf2c` and exit: 0 ok, 1 the user's input, 2 our bug."""

    def run() -> None:
        try:
            cli.main(prog_name="tf2c", standalone_mode=False)
        except click.exceptions.NoArgsIsHelpError as error:
            print(error.format_message())
        except click.exceptions.Abort as error:
            raise KeyboardInterrupt from error
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            # Click does not say which command lacks a value of an option.
            path = context.command_path if context is not None else _command_path()
            raise UserError(
                error.format_message().rstrip("."), hint=f"see `{path} --help`"
            ) from error

    sys.exit(diagnostics.guarded(run))
