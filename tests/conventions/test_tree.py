"""House rules about every file."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conventions.checkout import CHECKOUT, in_checkout, python_sources, tracked_files

LONGEST_FILE_LINES = 500

ROOMLESS_NAMES = frozenset({"utils", "helpers", "common", "misc"})
"""A function that fits no room is a missing room."""

EMPTY_WORDS = frozenset({"data", "info", "manager", "handler", "process"})
"""Words that say nothing, alone or as the last part of a name."""

SHARED_FOLDERS = frozenset(map(Path, ("/", "/home", "/tmp", "/opt", "/usr", "/var")))
"""Folders that every machine has: their names in a text say nothing about this one."""

# In two parts, so that the rule does not find itself.
UNFINISHED = "TO" + "DO"

COMMENTED = frozenset({".py", ".j2", ".toml", ".mlir", ".sh", ".cl", ".cpp", ".h", ".cfg"})


def empty_words(source: str) -> list[str]:
    """Return the names that a module gives to functions, classes, arguments and variables."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.append(name)
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                names.append(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.append(name)
            case _:
                pass
    return [name for name in names if last_word(name) in EMPTY_WORDS]


def last_word(name: str) -> str:
    """Return the last word of a snake_case or CamelCase name, in lower case."""
    return re.split(r"_|(?<=[a-z])(?=[A-Z])", name.strip("_"))[-1].lower()


def unfinished_without_issue(text: str) -> list[str]:
    return [
        line
        for line in text.splitlines()
        if re.search(rf"\b{UNFINISHED}\b", line)
        and not re.search(rf"\b{UNFINISHED}\(\w+\): .*#\d+", line)
    ]


def machine_folders() -> Iterator[Path]:
    """Yield the folders that only this machine has."""
    for folder in (CHECKOUT, CHECKOUT.parent, Path.home()):
        if folder not in SHARED_FOLDERS:
            yield folder


def names_folder(contents: bytes, folder: Path) -> bool:
    """Say whether contents hold a path below a folder, or the folder itself."""
    needle = re.escape(str(folder).encode())
    return re.search(rb"(?<![\w./-])" + needle + rb"(?![\w.-])", contents) is not None


def python_files() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".py"]


@pytest.mark.parametrize("path", python_files(), ids=in_checkout)
def test_file_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE_LINES


@pytest.mark.parametrize("path", python_files(), ids=in_checkout)
def test_file_is_a_room(path: Path) -> None:
    assert path.stem.strip("_") not in ROOMLESS_NAMES


@pytest.mark.parametrize("path", python_sources(), ids=in_checkout)
def test_names_say_something(path: Path) -> None:
    assert not empty_words(path.read_text())


@pytest.mark.parametrize("path", python_sources(), ids=in_checkout)
def test_module_has_a_docstring(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", python_sources(), ids=in_checkout)
def test_nothing_leans_on_a_reference_evaluator(path: Path) -> None:
    """The import linter sees packages, not their parts; this one part is forbidden."""
    assert "onnx.reference" not in path.read_text()


def test_no_file_names_a_path_of_this_machine() -> None:
    naming = [
        f"{in_checkout(path)} names {folder}"
        for path in tracked_files()
        for folder in machine_folders()
        if names_folder(path.read_bytes(), folder)
    ]

    assert not naming


@pytest.mark.parametrize(
    "path", [path for path in tracked_files() if path.suffix in COMMENTED], ids=in_checkout
)
def test_what_is_unfinished_has_an_issue(path: Path) -> None:
    assert not unfinished_without_issue(path.read_text())


def test_there_are_files() -> None:
    assert len(python_sources()) > 50
    assert len(list(machine_folders())) > 0


@pytest.mark.parametrize(
    "source",
    [
        "def process(): ...",
        "def run(*, data: int): ...",
        "def run(*info): ...",
        "class BufferManager: ...",
        "layer_data = 1",
        "f = lambda handler: handler",
        "for info in (): ...",
    ],
)
def test_empty_word_is_found(source: str) -> None:
    assert empty_words(source)


def test_attribute_of_others_is_no_name_of_ours() -> None:
    assert not empty_words("def run(op): return op.sym_name.data")


def test_unfinished_comment_is_found() -> None:
    assert unfinished_without_issue(f"# {UNFINISHED}: later")
    assert unfinished_without_issue(f"# {UNFINISHED}(me): later")
    assert not unfinished_without_issue(f"# {UNFINISHED}(me): later, see #12")


def test_path_of_this_machine_is_found() -> None:
    folder = Path("/somewhere")

    assert names_folder(b"see /somewhere/file", folder)
    assert names_folder(b'"/somewhere"', folder)
    assert not names_folder(b"see a/somewhere/file", folder)
    assert not names_folder(b"see /somewhereelse", folder)
