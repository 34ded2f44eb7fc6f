"""Boards: those that come with tf2c, and files of the user's."""

from pathlib import Path

import pytest

from tf2c.boards import Board, known_boards, load_board
from tf2c.errors import UserError

MINIMAL = 'card = "Card"\ndevice = "Device"\nalms = 1\ndsps = 2\nm20ks = 3\n'


def test_known_boards_are_sorted_by_name() -> None:
    assert list(known_boards()) == ["f10a", "pac_a10", "pac_d5005"]


@pytest.mark.parametrize("name", ["f10a", "pac_a10", "pac_d5005"])
def test_a_known_board_is_found_by_its_name(name: str) -> None:
    assert load_board(name) == known_boards()[name]


def test_the_default_board_has_the_numbers_of_its_data_sheet() -> None:
    board = load_board("pac_a10")
    assert (board.alms, board.dsps, board.m20ks) == (427200, 1518, 2713)


def test_a_file_is_read_under_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL)
    assert load_board(str(path)) == Board("mine", "Card", "Device", 1, 2, 3)


def test_what_a_file_does_not_state_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL)
    board = load_board(str(path))
    assert (board.aoc_board, board.ddr_banks, board.pcie) == (None, None, None)


def test_a_file_may_state_everything(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL + 'aoc_board = "b"\nddr_banks = 2\npcie = "Gen3 x8"\n')
    board = load_board(str(path))
    assert (board.aoc_board, board.ddr_banks, board.pcie) == ("b", 2, "Gen3 x8")


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="got `pac`") as refusal:
        load_board("pac")
    assert refusal.value.hint == "boards are f10a, pac_a10, pac_d5005, or the path of a .toml file"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("alms = ", "expected TOML"),
        (MINIMAL + "lanes = 4\n", "unknown keys lanes"),
        (MINIMAL + 'name = "other"\n', "unknown keys name"),
        ('card = "Card"\ndevice = "Device"\n', "missing keys alms, dsps, m20ks"),
        (MINIMAL.replace("alms = 1", 'alms = "many"'), "alms"),
        (MINIMAL.replace("alms = 1", "alms = true"), "alms"),
        (MINIMAL.replace("alms = 1", "alms = -1"), "alms"),
        (MINIMAL.replace('"Card"', "7"), "card"),
    ],
    ids=[
        "no TOML",
        "unknown key",
        "name",
        "missing keys",
        "text for a number",
        "truth for a number",
        "negative number",
        "number for a text",
    ],
)
def test_a_file_that_describes_no_board_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        load_board(str(path))


def test_a_refusal_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("alms = ")
    with pytest.raises(UserError, match=r"mine"):
        load_board(str(path))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.toml"):
        load_board(str(tmp_path / "absent.toml"))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"mine\.toml"):
        load_board(str(path))
