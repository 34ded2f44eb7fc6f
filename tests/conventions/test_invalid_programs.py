"""Every program of an `invalid.mlir` is refused with the message that its own chunk expects.

The lit test alone could match a message of a later chunk; here every chunk is on its own.
"""

import contextlib
import re
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest
from conventions.checkout import CHUNK_SEPARATOR, FILECHECK

from tf2c.cli.opt import Tf2cOpt
from tf2c.dialects import DIALECTS


class InvalidProgram(NamedTuple):
    dialect: str
    heading: str
    """`graph.conv C1: a dynamic batch`, or without op and label for attributes."""
    messages: tuple[str, ...]
    text: str

    @property
    def op_and_label(self) -> tuple[str, str] | None:
        match = re.match(r"(\w+\.\w+) (C\d+): ", self.heading)
        return None if match is None else (match[1], match[2])


def invalid_programs(dialect: str, text: str) -> list[InvalidProgram]:
    """Return the chunks of an `invalid.mlir`; the comment above a CHECK is its heading."""
    programs: list[InvalidProgram] = []
    for chunk in text.split(CHUNK_SEPARATOR):
        messages = re.findall(r"^// CHECK: (.*)$", chunk, re.MULTILINE)
        heading = re.search(r"^// (.*)\n// CHECK: ", chunk, re.MULTILINE)
        programs.append(
            InvalidProgram(dialect, "" if heading is None else heading[1], tuple(messages), chunk)
        )
    return programs


def all_invalid_programs() -> list[InvalidProgram]:
    programs: list[InvalidProgram] = []
    for dialect in DIALECTS:
        path = FILECHECK / "dialects" / dialect.name / "invalid.mlir"
        programs += invalid_programs(dialect.name, path.read_text())
    return programs


def message_pattern(message: str) -> str:
    """Return a CHECK's pattern as a regular expression: what is in `{{}}` is one already."""
    parts = re.split(r"\{\{(.*?)\}\}", message)
    return "".join(part if index % 2 else re.escape(part) for index, part in enumerate(parts))


def diagnostics(text: str, folder: Path) -> str:
    """Return what is said about a program: what breaks a constraint, or else its IR."""
    path = folder / "program.mlir"
    path.write_text(text)
    printed = StringIO()
    with contextlib.redirect_stdout(printed):
        Tf2cOpt([str(path), "--verify-diagnostics", "--parsing-diagnostics"]).run()
    return printed.getvalue()


@pytest.mark.parametrize(
    "program", all_invalid_programs(), ids=lambda program: program.heading or program.dialect
)
def test_program_is_refused_with_its_own_message(program: InvalidProgram, tmp_path: Path) -> None:
    assert program.heading
    (message,) = program.messages

    printed = diagnostics(program.text, tmp_path)

    assert not printed.startswith("builtin.module"), "expected a refusal, got IR"
    assert re.search(message_pattern(message), printed), printed


@pytest.mark.parametrize(
    "program", all_invalid_programs(), ids=lambda program: program.heading or program.dialect
)
def test_heading_names_an_op_of_the_program(program: InvalidProgram) -> None:
    if program.dialect == "tf2c":
        # It has no ops, only an attribute that ops of other dialects carry.
        assert program.op_and_label is None
        return
    assert program.op_and_label is not None, program.heading
    op, _ = program.op_and_label

    assert op.split(".")[0] == program.dialect
    assert re.search(rf"^[^/]*\b{re.escape(op)}\b", program.text, re.MULTILINE)


def test_valid_program_is_found(tmp_path: Path) -> None:
    assert diagnostics("func.func @main() { func.return }", tmp_path).startswith("builtin.module")


def test_headings_are_read() -> None:
    (program,) = invalid_programs("graph", "// graph.relu C1: shape\n// CHECK: expected\n")

    assert program.op_and_label == ("graph.relu", "C1")
    assert program.messages == ("expected",)
