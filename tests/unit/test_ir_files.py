"""IR files and their blobs are written together or not at all."""

from pathlib import Path

import pytest
from unit.onnx_models import classifier_model, save_model
from xdsl.dialects.builtin import ModuleOp

import tf2c
from tf2c.errors import UserError
from tf2c.ir_files import print_module, read_module, write_module


@pytest.fixture
def module(tmp_path: Path) -> ModuleOp:
    path = save_model(tmp_path / "net.onnx", classifier_model())
    read = tf2c.load_onnx(path)
    path.unlink()
    return read


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_is_written_is_read_again(module: ModuleOp, tmp_path: Path) -> None:
    path = tmp_path / "net.mlir"
    write_module(module, path)
    assert print_module(read_module(path)) == print_module(module)
    assert all(not name.endswith(".partial") for name in contents(tmp_path))


def test_a_file_replaces_itself(module: ModuleOp, tmp_path: Path) -> None:
    path = tmp_path / "net.mlir"
    write_module(module, path)
    before = contents(tmp_path)
    write_module(read_module(path), path)  # its blobs are mapped from the files it replaces
    assert contents(tmp_path) == before


def test_nothing_is_left_where_the_text_cannot_be_written(module: ModuleOp, tmp_path: Path) -> None:
    (tmp_path / "net.mlir").mkdir()
    with pytest.raises(UserError, match=r"net\.mlir: cannot be written"):
        write_module(module, tmp_path / "net.mlir")
    assert contents(tmp_path) == {}
    assert [each.name for each in tmp_path.iterdir()] == ["net.mlir"]


def test_blobs_of_others_are_left_alone(module: ModuleOp, tmp_path: Path) -> None:
    write_module(module, tmp_path / "net.mlir")
    before = contents(tmp_path)
    (tmp_path / "other.mlir").mkdir()
    with pytest.raises(UserError, match=r"other\.mlir: cannot be written"):
        write_module(module, tmp_path / "other.mlir")
    assert contents(tmp_path) == before


def test_a_file_in_place_of_the_folder_is_refused(module: ModuleOp, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"kilograms")
    with pytest.raises(UserError, match="weights: cannot be made"):
        write_module(module, tmp_path / "net.mlir")
    assert contents(tmp_path) == {"weights": b"kilograms"}


def test_a_folder_that_is_absent_is_refused(module: ModuleOp, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be made"):
        write_module(module, tmp_path / "absent" / "net.mlir")
