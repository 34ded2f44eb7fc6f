"""`tf2c boards`."""

from dataclasses import asdict

import click

from tf2c.cli.options import common_options
from tf2c.cli.output import print_json, show


@click.command("boards")
@common_options
def boards_command(as_json: bool, seed: int, threads: int | None) -> None:
    """List the boards that tf2c knows."""
    from tf2c.boards import known_boards

    boards = known_boards()
    if as_json:
        print_json({"boards": [asdict(board) for board in boards.values()]})
        return
    from tf2c.cli import tables

    show(tables.boards(list(boards.values())))
