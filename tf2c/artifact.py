"""The artifact `net.tf2c/`: what a compilation leaves on disk, and how it is checked on loading.

    manifest.json        versions, model, pipeline, board, engine, measurements; sha256 of each file
    ir/<stage>.mlir      the network after each stage, blobs in ir/weights/
    kernels/engine.cl    the engine in OpenCL C, the same for every network of a board
    program.bin          the job table and the requantization parameters
    weights.bin          the weights, 4 bits each

The same model, options and version of tf2c give the same bytes.
"""

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_origin

from tf2c.errors import UserError
from tf2c.numerics import parallel

FORMAT_VERSION = 3
MANIFEST = "manifest.json"
PROGRAM = "program.bin"
WEIGHTS = "weights.bin"
KERNELS = "kernels/engine.cl"
IR_FOLDER = "ir"

REBUILD_HINT = "compile the network again"


@dataclass(frozen=True)
class Manifest:
    """What an artifact is and how it came about."""

    tf2c_version: str
    model: str
    """File name of the model."""
    model_sha256: str
    pipeline: dict[str, str]
    """The passes of each stage that ran, as `tf2c-opt -p` takes them; some need images, too."""
    stage: str
    """The last stage that ran; `dataflow` for an artifact that runs."""
    board: str
    engine: dict[str, int]
    input_shape: list[int]
    """Of one image: channels, height, width."""
    preprocessing: dict[str, Any]
    """How image files become inputs; empty where no image file had a part in it."""
    layers: list[dict[str, Any]]
    """Of each layer: the user's name of it, the accumulator bits that range analysis proved, and
    what it takes on the engine as `analysis.cost.layers.JobCost` says: a model, nothing measured.
    It is a job for each entry of `split`."""
    mixture: dict[str, Any]
    """How many terms each layer's weights have and what decided it, where that was chosen; what is
    estimated says so."""
    notes: list[str]
    """What the compiler found that costs accuracy."""
    measured: dict[str, Any]
    """Accuracy on labeled images, if any were given: never an estimate."""
    files: dict[str, str]
    """sha256 of every other file, by its path in the folder."""
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True)
class ArtifactFolder:
    """An artifact on disk whose files have been checked against its manifest."""

    path: Path
    manifest: Manifest

    def read(self, name: str) -> bytes:
        """Return a file's contents.

        Raises:
            UserError: the artifact has no such file, because compilation stopped before it.
        """
        if name not in self.manifest.files:
            raise UserError(
                f"{self.path}: expected `{name}`, got an artifact that stops at stage "
                f"`{self.manifest.stage}`",
                hint="compile without `--to`",
            )
        return (self.path / name).read_bytes()


def sha256(contents: bytes) -> str:
    """Return the digest that manifests use."""
    return hashlib.sha256(contents).hexdigest()


def load_artifact(path: Path) -> ArtifactFolder:
    """Open an artifact and check every file.

    Raises:
        UserError: not an artifact, of another format version, or damaged.
    """
    manifest = _read_manifest(path)
    for name, expected in manifest.files.items():
        file = path / name
        if not file.resolve().is_relative_to(path.resolve()) or not file.is_file():
            raise UserError(f"{path}: `{name}` is missing", hint=REBUILD_HINT)
        if sha256(file.read_bytes()) != expected:
            raise UserError(f"{path}: `{name}` does not match its checksum", hint=REBUILD_HINT)
    return ArtifactFolder(path, manifest)


def _read_manifest(path: Path) -> Manifest:
    try:
        text = (path / MANIFEST).read_text()
    except OSError as error:
        got = f"no readable `{MANIFEST}`" if path.is_dir() else "a file"
        raise UserError(
            f"{path}: expected a tf2c artifact, got {got if path.exists() else 'nothing there'}",
            hint="`tf2c compile MODEL -o NET.tf2c` makes one",
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: `{MANIFEST}` is damaged", hint=REBUILD_HINT) from error
    try:
        content = json.loads(text)
        version = content["format_version"]
        manifest = Manifest(**content) if version == FORMAT_VERSION else None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: `{MANIFEST}` is not that of a tf2c artifact", hint=REBUILD_HINT
        ) from error
    if manifest is None:
        raise UserError(
            f"{path}: expected artifact format {FORMAT_VERSION}, got {version}", hint=REBUILD_HINT
        )
    for each in fields(Manifest):
        kind = get_origin(each.type) or each.type
        if type(getattr(manifest, each.name)) is not kind:
            raise _damaged(path, each.name)
    if [type(each) for each in manifest.input_shape] != [int] * 3 or min(manifest.input_shape) < 1:
        raise _damaged(path, "input_shape")
    return manifest


def _damaged(path: Path, field: str) -> UserError:
    return UserError(f"{path}: `{MANIFEST}` has a damaged `{field}`", hint=REBUILD_HINT)


def save_artifact(path: Path, files: dict[str, bytes], **facts: Any) -> ArtifactFolder:
    """Write an artifact, all of it or nothing.

    Args:
        path: the folder; an artifact that is there already is replaced.
        files: contents by path in the folder.
        facts: the fields of the manifest, without the files.

    Raises:
        UserError: something else is there, or the place cannot be written.
    """
    expect_replaceable(path)
    digests = dict.fromkeys(sorted(files), "")

    def add_digest(name: str) -> None:
        digests[name] = sha256(files[name])

    parallel.for_each(add_digest, list(files))
    manifest = Manifest(**facts, files=digests)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
            written = Path(folder, "artifact")
            for name, contents in files.items():
                file = written / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(contents)
            (written / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n")
            if path.exists():
                shutil.rmtree(path)
            written.rename(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error
    return ArtifactFolder(path, manifest)


def expect_replaceable(path: Path) -> None:
    """Raise unless a new artifact may take this place.

    Raises:
        UserError: something is there that is not an artifact, whatever its files are called.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    try:
        # Of any format: compiling again is what people are told about old ones.
        content: object = json.loads((path / MANIFEST).read_text())
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict) or not {"format_version", "tf2c_version"} <= content.keys():
        raise UserError(
            f"{path}: expected an artifact or nothing, got something else",
            hint="choose another output, or remove it",
        )
