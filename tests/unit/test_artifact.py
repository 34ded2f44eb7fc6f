"""The artifact folder: what is written, what is refused, and that nothing is left half done."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tf2c
from tf2c.artifact import FORMAT_VERSION, MANIFEST, load_artifact, save_artifact, sha256
from tf2c.errors import UserError

FACTS: dict[str, Any] = {
    "tf2c_version": "1.2.3",
    "model": "net.onnx",
    "model_sha256": "0" * 64,
    "pipeline": {"graph": "a,b"},
    "stage": "dataflow",
    "board": "pac_a10",
    "engine": {"filter_vector": 16},
    "input_shape": [1, 2, 3],
    "preprocessing": {"geometry": "exact"},
    "layers": [{"layer": "conv", "accumulator_bits": 20}],
    "mixture": {},
    "notes": ["a remark"],
    "measured": {"images": 3},
}
FILES = {"program.bin": b"\x00\x01", "ir/weights/a.npy": b"", "kernels/engine.cl": b"// text\n"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a small artifact is."""
    return save_artifact(tmp_path / "net.tf2c", FILES, **FACTS).path


def contents(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, by relative path."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def rewrite_manifest(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((path / MANIFEST).read_text())
    change(manifest)
    (path / MANIFEST).write_text(json.dumps(manifest))


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as error:
        load_artifact(path)
    assert error.value.hint is not None
    return str(error.value)


def test_files_come_back_as_they_were_saved(path: Path) -> None:
    folder = load_artifact(path)
    assert {name: folder.read(name) for name in FILES} == FILES


def test_facts_come_back_as_they_were_saved(path: Path) -> None:
    manifest = load_artifact(path).manifest
    assert {name: getattr(manifest, name) for name in FACTS} == FACTS


def test_the_manifest_has_every_files_checksum(path: Path) -> None:
    expected = {name: sha256(FILES[name]) for name in sorted(FILES)}
    assert json.loads((path / MANIFEST).read_text())["files"] == expected


def test_only_the_files_and_the_manifest_are_written(path: Path) -> None:
    assert contents(path).keys() == {*FILES, MANIFEST}


def test_the_order_of_files_does_not_matter(path: Path, tmp_path: Path) -> None:
    other = save_artifact(tmp_path / "other.tf2c", dict(reversed(FILES.items())), **FACTS).path
    assert contents(other) == contents(path)


def test_two_compilations_are_identical(
    digits: Path, digits_artifact: tf2c.Artifact, tmp_path: Path
) -> None:
    again = tf2c.compile(
        digits / "digits.onnx", calib=digits / "calibration", output=tmp_path / "again.tf2c"
    )
    assert contents(again.path) == contents(digits_artifact.path)


def test_a_moved_artifact_loads(path: Path, tmp_path: Path) -> None:
    moved = shutil.move(path, tmp_path / "elsewhere")
    assert load_artifact(Path(moved)).read("program.bin") == FILES["program.bin"]


def test_an_unknown_file_is_refused_with_the_stage(tmp_path: Path) -> None:
    facts = FACTS | {"stage": "int8"}
    folder = save_artifact(tmp_path / "net.tf2c", {"ir/int8.mlir": b""}, **facts)
    with pytest.raises(UserError, match=r"expected `program\.bin`, .* stops at stage `int8`"):
        folder.read("program.bin")


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_damaged_file_is_refused_by_name(path: Path, name: str) -> None:
    (path / name).write_bytes(FILES[name] + b"!")
    assert refusal(path) == f"{path}: `{name}` does not match its checksum"


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_refused_by_name(path: Path, name: str) -> None:
    (path / name).unlink()
    assert refusal(path) == f"{path}: `{name}` is missing"


def test_a_folder_in_place_of_a_file_is_refused(path: Path) -> None:
    (path / "program.bin").unlink()
    (path / "program.bin").mkdir()
    assert refusal(path) == f"{path}: `program.bin` is missing"


def test_a_changed_checksum_is_refused(path: Path) -> None:
    rewrite_manifest(path, lambda manifest: manifest["files"].update({"program.bin": "0" * 64}))
    assert refusal(path) == f"{path}: `program.bin` does not match its checksum"


@pytest.mark.parametrize("name", ["../outside.bin", "ir/../../outside.bin", "link.bin"])
def test_a_file_outside_the_folder_is_refused(path: Path, name: str) -> None:
    outside = path.parent / "outside.bin"
    outside.write_bytes(b"secret")
    (path / "ir").mkdir(exist_ok=True)
    (path / "link.bin").symlink_to(outside)
    rewrite_manifest(path, lambda manifest: manifest["files"].update({name: sha256(b"secret")}))
    assert refusal(path) == f"{path}: `{name}` is missing"


def test_an_absolute_file_name_is_refused(path: Path) -> None:
    outside = path.parent / "outside.bin"
    outside.write_bytes(b"secret")
    rewrite_manifest(
        path, lambda manifest: manifest["files"].update({str(outside): sha256(b"secret")})
    )
    assert refusal(path) == f"{path}: `{outside}` is missing"


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert (
        refusal(tmp_path) == f"{tmp_path}: expected a tf2c artifact, got no readable `{MANIFEST}`"
    )


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert "expected a tf2c artifact" in refusal(tmp_path / "absent.tf2c")


def test_a_file_instead_of_a_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "net.tf2c"
    file.write_bytes(b"")
    assert "expected a tf2c artifact" in refusal(file)


@pytest.mark.parametrize("version", [0, FORMAT_VERSION + 1, "2", None])
def test_another_format_version_is_refused(path: Path, version: object) -> None:
    rewrite_manifest(path, lambda manifest: manifest.update(format_version=version))
    expected = f"{path}: expected artifact format {FORMAT_VERSION}, got {version}"
    assert refusal(path) == expected


def test_a_newer_format_is_named_even_with_fields_unknown_here(path: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["format_version"] = FORMAT_VERSION + 1
        manifest["novelty"] = 1
        del manifest["files"]

    rewrite_manifest(path, change)
    assert f"got {FORMAT_VERSION + 1}" in refusal(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "not JSON",
        "[]",
        "7",
        '"text"',
        "null",
        "{}",
        f'{{"format_version": {FORMAT_VERSION}}}',
    ],
)
def test_a_manifest_that_is_none_is_refused(path: Path, text: str) -> None:
    (path / MANIFEST).write_text(text)
    assert refusal(path) == f"{path}: `{MANIFEST}` is not that of a tf2c artifact"


@pytest.mark.parametrize("field", sorted(FACTS))
def test_a_manifest_without_a_field_is_refused(path: Path, field: str) -> None:
    rewrite_manifest(path, lambda manifest: manifest.pop(field))
    assert refusal(path) == f"{path}: `{MANIFEST}` is not that of a tf2c artifact"


def test_a_manifest_with_an_unknown_field_is_refused(path: Path) -> None:
    rewrite_manifest(path, lambda manifest: manifest.update(novelty=1))
    assert refusal(path) == f"{path}: `{MANIFEST}` is not that of a tf2c artifact"


@pytest.mark.parametrize("files", [7, None, ["program.bin"], {"program.bin": 7}])
def test_a_manifest_whose_files_are_none_is_refused(path: Path, files: object) -> None:
    rewrite_manifest(path, lambda manifest: manifest.update(files=files))
    assert str(path) in refusal(path)


def test_a_manifest_that_is_no_text_is_refused(path: Path) -> None:
    (path / MANIFEST).write_bytes(b"\xff\xfe")
    assert refusal(path) == f"{path}: `{MANIFEST}` is damaged"


def test_an_artifact_is_replaced_as_a_whole(path: Path) -> None:
    save_artifact(path, {"program.bin": b"new"}, **FACTS)
    assert contents(path).keys() == {"program.bin", MANIFEST}


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "net.tf2c").mkdir()
    assert save_artifact(tmp_path / "net.tf2c", FILES, **FACTS).read("program.bin") == b"\x00\x01"


def test_missing_parents_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "net.tf2c"
    save_artifact(path, FILES, **FACTS)
    assert load_artifact(path).read("program.bin") == b"\x00\x01"


def test_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "photo.png").write_bytes(b"photo")
    before = contents(tmp_path)
    with pytest.raises(UserError, match="expected an artifact or nothing, got something else"):
        save_artifact(tmp_path / "precious", FILES, **FACTS)
    assert contents(tmp_path) == before


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"photo")
    with pytest.raises(UserError, match="expected an artifact or nothing"):
        save_artifact(tmp_path / "precious", FILES, **FACTS)
    assert contents(tmp_path) == {"precious": b"photo"}


def test_a_folder_with_a_foreign_manifest_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "extension").mkdir()
    (tmp_path / "extension" / MANIFEST).write_text('{"name": "a browser extension"}')
    before = contents(tmp_path)
    with pytest.raises(UserError, match="expected an artifact or nothing"):
        save_artifact(tmp_path / "extension", FILES, **FACTS)
    assert contents(tmp_path) == before


def test_a_file_as_parent_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="cannot be written"):
        save_artifact(tmp_path / "file" / "net.tf2c", FILES, **FACTS)


def test_failing_in_the_middle_keeps_the_old_artifact(path: Path) -> None:
    before = contents(path.parent)
    with pytest.raises(UserError, match="cannot be written"):
        save_artifact(path, {"good.bin": b"", "x" * 300: b""}, **FACTS)
    assert contents(path.parent) == before


def test_failing_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        save_artifact(tmp_path / "net.tf2c", {"good.bin": b"", "x" * 300: b""}, **FACTS)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_beside_a_saved_artifact(path: Path) -> None:
    assert [each.name for each in path.parent.iterdir()] == [path.name]
