"""What users may give that cannot be used: one row per mistake.

Every command runs in a folder of its own that holds a small network (`net.onnx`, 1x6x6 in, three
classes out), `calib/` with its images, `labels.csv`, `x.npy`, and the artifacts `net.tf2c` and
`int8.tf2c` (which stops before the engine). A row may change that folder first.
"""

import json
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper
from PIL import Image
from unit.onnx_models import build_model, random_weights, save_model

import tf2c
from tf2c.artifact import sha256

COMPILE = "compile net.onnx --calib calib -o out.tf2c"
MEASURE = "compile net.onnx --calib calib -o out.tf2c --images calib --labels labels.csv"
CALIBRATE = "compile net.onnx --calib x.npy -o out.tf2c"
EVAL = "eval net.tf2c --images calib --labels labels.csv"
PREPARED = f"{EVAL} --preprocess p.toml"
LISTED = "compile net.onnx --calib list.txt -o out.tf2c"
RUN = "run net.tf2c x.npy -o y.npy"

Prepare = Callable[[Path], object]
"""Changes the folder in which a command runs."""


class Case(NamedTuple):
    """A mistake."""

    name: str
    command: str
    names: str
    """The file, layer or word of the command line that the error must name."""
    prepare: Prepare = lambda folder: None


def make_workspace(folder: Path) -> None:
    """Fill a folder with what the commands need when nothing is wrong."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("Flatten", ["r"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "v"], ["y"], name="scores"),
    ]
    weights = {"w": random_weights(0, 4, 1, 3, 3), "v": random_weights(1, 64, 3)}
    inputs = [("x", ("batch", 1, 6, 6))]
    model = save_model(folder / "net.onnx", build_model(nodes, weights, inputs=inputs))
    (folder / "calib").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 6, 6), np.uint8)
    for index, image in enumerate(pixels):
        Image.fromarray(image).save(folder / "calib" / f"{index}.png")
    labels(folder, "file,label", "0.png,0", "1.png,1", "2.png,2")
    array(folder, np.ones((2, 1, 6, 6), np.float32))
    calib = folder / "calib"
    tf2c.compile(model, calib=calib, output=folder / "net.tf2c")
    tf2c.compile(model, calib=calib, output=folder / "int8.tf2c", to="int8")


def labels(folder: Path, *lines: str) -> None:
    (folder / "labels.csv").write_text("".join(f"{line}\n" for line in lines))


def array(folder: Path, contents: npt.NDArray[Any]) -> None:
    np.save(folder / "x.npy", contents)


def replace_model(model: onnx.ModelProto) -> Prepare:
    return lambda folder: save_model(folder / "net.onnx", model)


def replace_array(contents: npt.NDArray[Any]) -> Prepare:
    return lambda folder: array(folder, contents)


def replace_labels(*lines: str) -> Prepare:
    return lambda folder: labels(folder, *lines)


def write(name: str, contents: bytes) -> Prepare:
    return lambda folder: (folder / name).write_bytes(contents)


def cut_off(name: str, size: int) -> Prepare:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def remove(name: str) -> Prepare:
    return lambda folder: (folder / name).unlink()


def make_folder(name: str) -> Prepare:
    return lambda folder: (folder / name).mkdir()


def folder_in_place_of(name: str) -> Prepare:
    def prepare(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return prepare


def image(height: int, width: int, kind: str = "u1", form: str = "PNG") -> bytes:
    contents = BytesIO()
    Image.fromarray(np.zeros((height, width), kind)).save(contents, form)
    return contents.getvalue()


def only_image(name: str, contents: bytes) -> Prepare:
    """A calibration folder with this file and nothing else."""

    def prepare(folder: Path) -> None:
        empty_calibration(folder)
        (folder / "calib" / name).write_bytes(contents)

    return prepare


def toml(text: str) -> Prepare:
    return write("p.toml", f"{text}\n".encode())


def both(first: Prepare, second: Prepare) -> Prepare:
    return lambda folder: (first(folder), second(folder))


def archive(folder: Path) -> None:
    np.savez(folder / "x.npz", images=np.ones((2, 1, 6, 6), np.float32))
    (folder / "x.npz").rename(folder / "x.npy")


def empty_calibration(folder: Path) -> None:
    shutil.rmtree(folder / "calib")
    (folder / "calib").mkdir()


def foreign_folder(folder: Path) -> None:
    (folder / "out.tf2c").mkdir()
    (folder / "out.tf2c" / "photo.png").write_bytes(b"photo")


def change_manifest(artifact: str = "net.tf2c", **fields: object) -> Prepare:
    def prepare(folder: Path) -> None:
        path = folder / artifact / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return prepare


def forge(name: str, contents: bytes) -> Prepare:
    """Replace a file of the artifact and redo its checksum."""

    def prepare(folder: Path) -> None:
        (folder / "net.tf2c" / name).write_bytes(contents)
        path = folder / "net.tf2c" / "manifest.json"
        manifest = json.loads(path.read_text())
        manifest["files"][name] = sha256(contents)
        path.write_text(json.dumps(manifest))

    return prepare
