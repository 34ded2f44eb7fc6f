"""Boards as data: one TOML file each, every number with its source in a comment beside it.

A user adds a board by writing such a file and naming its path; no code changes.
"""

from dataclasses import MISSING, dataclass, fields
from importlib.resources import as_file, files
from pathlib import Path

from tf2c.errors import UserError
from tf2c.toml_files import read_toml


@dataclass(frozen=True)
class Board:
    """A card and its FPGA. What no source states is None."""

    name: str
    card: str
    device: str
    alms: int
    """Adaptive logic modules of the whole device."""
    dsps: int
    """DSP blocks."""
    m20ks: int
    """On-chip memory blocks of 20 kbit."""
    aoc_board: str | None = None
    """What `aoc -board=` calls it."""
    ddr_banks: int | None = None
    ddr_bank_gigabytes: int | None = None
    ddr_bank_bits: int | None = None
    ddr_megatransfers: int | None = None
    """Transfers per second and data pin, in millions."""
    pcie: str | None = None


def known_boards() -> dict[str, Board]:
    """Return the boards that come with tf2c, by name."""
    folder = files(__name__)
    boards: dict[str, Board] = {}
    for name in sorted(each.name for each in folder.iterdir() if each.name.endswith(".toml")):
        with as_file(folder / name) as path:
            boards[path.stem] = _read(path)
    return boards


def load_board(name: str) -> Board:
    """Return a board by its name, or from a TOML file of the user's.

    Raises:
        UserError: no such board, or a file that does not describe one.
    """
    if name.endswith(".toml"):
        return _read(Path(name))
    boards = known_boards()
    if name not in boards:
        raise UserError(
            f"expected a board, got `{name}`",
            hint=f"boards are {', '.join(boards)}, or the path of a .toml file",
        )
    return boards[name]


def _read(path: Path) -> Board:
    facts = read_toml(path, "a board file")
    known = {each.name: each for each in fields(Board) if each.name != "name"}
    required = {key for key, each in known.items() if each.default is MISSING}
    for problem, keys in (
        ("unknown keys", facts.keys() - known.keys()),
        ("missing keys", required - facts.keys()),
    ):
        if keys:
            raise UserError(
                f"{path}: {problem} {', '.join(sorted(keys))}",
                hint=f"keys are {', '.join(known)}",
            )
    for key, fact in facts.items():
        kind = int if "int" in str(known[key].type) else str
        if type(fact) is not kind or (isinstance(fact, int) and fact < 0):
            expected = "a count" if kind is int else "a text"
            raise UserError(f"{path}: expected {expected} as `{key}`, got {fact!r}")
    return Board(name=path.stem, **facts)
