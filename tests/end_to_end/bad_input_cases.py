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
from onnx import TensorProto, helper
from PIL import Image
from unit.onnx_models import build_model, conv_model, pool_model, random_weights, save_model

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


def change_manifest(**fields: object) -> Prepare:
    def prepare(folder: Path) -> None:
        path = folder / "net.tf2c" / "manifest.json"
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


def one_layer(op: str, *, inputs: int = 1, outputs: int = 1, **attributes: Any) -> Prepare:
    """A model of one layer that takes only the input."""
    names = [f"y{index}" for index in range(outputs)]
    node = helper.make_node(op, ["x"] * inputs, names, name="layer1", **attributes)
    return replace_model(build_model([node], outputs=names))


def with_opset(version: int) -> Prepare:
    model = conv_model()
    model.opset_import[0].version = version
    return replace_model(model)


def with_input(*extents: int | str, element: int = TensorProto.FLOAT) -> Prepare:
    relu = helper.make_node("Relu", ["x"], ["y"], name="layer1")
    return replace_model(build_model([relu], inputs=[("x", extents)], element=element))


def with_weight(value: float, kind: str = "f4") -> Prepare:
    weight = np.ones((3, 2, 3, 3), kind)
    weight[1, 1, 1, 1] = value
    return replace_model(conv_model(weight))


def two_inputs() -> onnx.ModelProto:
    inputs = [("x", (1, 2, 6, 6)), ("z", (1, 2, 6, 6))]
    return build_model([helper.make_node("Add", ["x", "z"], ["y"])], inputs=inputs)


def two_outputs() -> onnx.ModelProto:
    nodes = [helper.make_node("Relu", ["x"], [name], name=name) for name in ("y", "z")]
    return build_model(nodes, outputs=("y", "z"))


def broadcast_add() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Add", ["x", "c"], ["y"], name="layer1"),
    ]
    return build_model(nodes, {"w": random_weights(0, 1, 2, 1, 1)})


def transposed_gemm() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "w"], ["y"], name="layer1", transA=1),
    ]
    return build_model(nodes, {"w": random_weights(0, 1, 3)}, inputs=[("x", (1, 2, 6, 6))])


def batch_norm(**attributes: Any) -> onnx.ModelProto:
    node = helper.make_node(
        "BatchNormalization", ["x", "s", "s", "s", "s"], ["y"], name="layer1", **attributes
    )
    return build_model([node], {"s": np.ones(2, np.float32)})


MODELS = (
    Case("missing model", "compile absent.onnx --calib calib -o out.tf2c", "absent.onnx"),
    Case("truncated model", COMPILE, "net.onnx", cut_off("net.onnx", 200)),
    Case("text as model", COMPILE, "net.onnx", write("net.onnx", b"I am not a model.\n")),
    Case("empty model", COMPILE, "net.onnx", write("net.onnx", b"")),
    Case("folder as model", COMPILE, "net.onnx", folder_in_place_of("net.onnx")),
    Case("unsupported op", COMPILE, "`layer1`", one_layer("Sigmoid")),
    Case("grouped convolution", COMPILE, "`layer1`", replace_model(
        conv_model(random_weights(1, 4, 1, 3, 3), group=2))),
    Case("dilated convolution", COMPILE, "`layer1`", replace_model(conv_model(dilations=[2, 2]))),
    Case("auto_pad", COMPILE, "`layer1`", replace_model(conv_model(auto_pad="SAME_UPPER"))),
    Case("stride zero", COMPILE, "`layer1`", replace_model(conv_model(strides=[0, 0]))),
    Case("negative pads", COMPILE, "`layer1`", replace_model(conv_model(pads=[-1, 0, 0, 0]))),
    Case("weight for other channels", COMPILE, "`layer1`", replace_model(
        conv_model(random_weights(1, 3, 5, 3, 3)))),
    Case("kernel larger than image", COMPILE, "`layer1`", replace_model(
        conv_model(random_weights(1, 3, 2, 7, 7)))),
    Case("ceil_mode", COMPILE, "`layer1`", replace_model(
        pool_model(kernel_shape=[2, 2], ceil_mode=1))),
    Case("dilated pooling", COMPILE, "`layer1`", replace_model(
        pool_model(kernel_shape=[2, 2], dilations=[2, 2]))),
    Case("window of padding", COMPILE, "`layer1`", replace_model(
        pool_model(kernel_shape=[2, 2], pads=[2, 2, 2, 2]))),
    Case("pooling without kernel_shape", COMPILE, "net.onnx", replace_model(pool_model())),
    Case("transA", COMPILE, "`layer1`", replace_model(transposed_gemm())),
    Case("training mode", COMPILE, "`layer1`", replace_model(batch_norm(training_mode=1))),
    Case("flatten axis", COMPILE, "`layer1`", one_layer("Flatten", axis=2)),
    Case("broadcast addition", COMPILE, "`layer1`", replace_model(broadcast_add())),
    Case("NaN weight", COMPILE, "`layer1`", with_weight(np.nan)),
    Case("infinite weight", COMPILE, "`layer1`", with_weight(-np.inf)),
    Case("double weight too large", COMPILE, "`layer1`", with_weight(1e300, "f8")),
    Case("integer weights", COMPILE, "`layer1`", with_weight(1, "i1")),
    Case("two inputs", COMPILE, "net.onnx", replace_model(two_inputs())),
    Case("two outputs", COMPILE, "net.onnx", replace_model(two_outputs())),
    Case("symbolic height", COMPILE, "net.onnx", with_input("batch", 2, "height", 6)),
    Case("rank-2 input", COMPILE, "net.onnx", with_input("batch", 72)),
    Case("double input", COMPILE, "net.onnx", with_input(
        1, 2, 6, 6, element=TensorProto.DOUBLE)),
    Case("opset too old", COMPILE, "net.onnx", with_opset(6)),
    Case("opset too new", COMPILE, "net.onnx", with_opset(22)),
)  # fmt: skip

CALIBRATION = (
    Case("missing calibration folder", "compile net.onnx --calib absent -o out.tf2c", "absent"),
    Case("empty calibration folder", COMPILE, "calib", empty_calibration),
    Case("calibration folder of text", COMPILE, "calib", only_image("notes.txt", b"hello\n")),
    Case("calibration folder of damaged images", COMPILE, "0.png", only_image("0.png", b"\x89PNG")),
    Case("calibration images of wrong size", COMPILE, "calib", only_image("0.png", image(6, 7))),
    Case("image file for calibration", "compile net.onnx --calib calib/0.png -o out.tf2c",
         "0.png"),
    Case("missing list", LISTED, "list.txt"),
    Case("empty list", LISTED, "list.txt", write("list.txt", b"\n")),
    Case("list of absent images", LISTED, "9.png", write("list.txt", b"calib/9.png\n")),
    Case("list with an image twice", LISTED, "list.txt", write(
        "list.txt", b"calib/0.png\ncalib/0.png\n")),
    Case("list that is no text", LISTED, "list.txt", write("list.txt", b"\xff\xfe")),
    Case("array of wrong shape", CALIBRATE, "x.npy", replace_array(np.ones((1, 3, 6, 6)))),
    Case("array of one image", CALIBRATE, "x.npy", replace_array(np.ones((1, 6, 6)))),
    Case("array of no images", CALIBRATE, "x.npy", replace_array(np.ones((0, 1, 6, 6)))),
    Case("array of integers", CALIBRATE, "x.npy", replace_array(np.ones((1, 1, 6, 6), np.uint8))),
    Case("array of NaN", CALIBRATE, "x.npy", replace_array(np.full((1, 1, 6, 6), np.nan))),
    Case("array beyond single precision", CALIBRATE, "x.npy", replace_array(
        np.full((1, 1, 6, 6), 1e300))),
    Case("array that overflows", CALIBRATE, "`conv`", replace_array(
        np.full((1, 1, 6, 6), 3e38, np.float32))),
    Case("archive of arrays", CALIBRATE, "x.npy", archive),
    Case("damaged array", CALIBRATE, "x.npy", cut_off("x.npy", 150)),
    Case("text as array", CALIBRATE, "x.npy", write("x.npy", b"1, 2, 3\n")),
    Case("missing array", "compile net.onnx --calib absent.npy -o out.tf2c", "absent.npy"),
    Case("random of nothing", "compile net.onnx --calib random:0 -o out.tf2c", "random:0"),
    Case("random of a word", "compile net.onnx --calib random:x -o out.tf2c", "random:x"),
    Case("random of a superscript", "compile net.onnx --calib random:² -o out.tf2c", "random:²"),
)  # fmt: skip

IMAGES = (
    Case("damaged image", EVAL, "0.png", cut_off("calib/0.png", 50)),
    Case("text as image", EVAL, "0.png", write("calib/0.png", b"hello\n")),
    Case("image of wrong size", EVAL, "2.png", write("calib/2.png", image(6, 7))),
    Case("image too small to crop", f"{EVAL} --preprocess p.toml", "2.png", both(
        write("calib/2.png", image(5, 7)), write("p.toml", b"geometry = 'center_crop'\n"))),
    Case("image too narrow to resize", f"{EVAL} --preprocess imagenet.toml", "2.png", both(
        write("calib/2.png", image(1, 60_000)),
        write("imagenet.toml", b"geometry = 'resize_and_crop'\ncrop_fraction = 0.01\n"))),
    Case("image of unknown range", EVAL, "2.png", write(
        "calib/2.png", image(6, 6, "f4", "TIFF"))),
    Case("damaged image to run", "run net.tf2c calib", "0.png", cut_off("calib/0.png", 50)),
    Case("measuring on a damaged image", MEASURE, "0.png", both(
        write("labels.csv", b"file,label\n0.png,0\n"), cut_off("calib/0.png", 50))),
    Case("missing folder of labeled images", EVAL.replace("calib", "absent"), "absent"),
)  # fmt: skip

PREPROCESSING = (
    Case("unknown preprocessing", f"{EVAL} --preprocess vgg", "`vgg`"),
    Case("missing preprocessing file", f"{EVAL} --preprocess p.toml", "p.toml"),
    Case("preprocessing that is no text", PREPARED, "p.toml", write("p.toml", b"\xff\xfe")),
    Case("preprocessing that is no TOML", PREPARED, "p.toml", write("p.toml", b"scale = \n")),
    Case("preprocessing with unknown keys", PREPARED, "`standard`", toml("mean = 1\nstandard = 2")),
    Case("preprocessing with a word as number", PREPARED, "`scale`", toml("scale = '1/255'")),
    Case("preprocessing with a switch as number", PREPARED, "`std`", toml("std = [1, true, 1]")),
    Case("preprocessing with a number as word", PREPARED, "`channels`", toml("channels = 3")),
    Case("preprocessing with a fraction as offset", PREPARED, "`label_offset`", toml(
        "label_offset = 0.5")),
    Case("preprocessing of no known geometry", PREPARED, "`geometry`", toml("geometry = 'fit'")),
    Case("preprocessing of no known order", PREPARED, "`channels`", toml("channels = 'yuv'")),
    Case("preprocessing that divides by zero", PREPARED, "`std`", toml("std = [1, 0, 1]")),
    Case("preprocessing with two means", PREPARED, "`mean`", toml("mean = [1, 2]")),
    Case("preprocessing with no means", PREPARED, "`mean`", toml("mean = []")),
    Case("preprocessing with NaN", PREPARED, "`mean`", toml("mean = nan")),
    Case("preprocessing with a huge integer", PREPARED, "`scale`", toml(f"scale = {10**400}")),
    Case("preprocessing with an endless integer", PREPARED, "p.toml", toml(f"mean = {'9' * 5000}")),
    Case("preprocessing that nests too deep", PREPARED, "p.toml", toml(f"mean = {'[' * 50_000}")),
    Case("preprocessing with a huge offset", PREPARED, "`label_offset`", toml(
        f"label_offset = {10**30}")),
    Case("preprocessing that crops more than all", PREPARED, "`crop_fraction`", toml(
        "crop_fraction = 1.5")),
    Case("colors for a gray network", f"{COMPILE} --preprocess imagenet", "`mean`"),
    Case("artifact with unknown preprocessing", EVAL, "`geometry`", change_manifest(
        preprocessing={"geometry": "fit"})),
    Case("artifact without preprocessing", EVAL, "`preprocessing`", change_manifest(
        preprocessing=None)),
)  # fmt: skip

OPTIONS = (
    Case("unknown board", f"{COMPILE} --board de10", "`de10`"),
    Case("missing board file", f"{COMPILE} --board my.toml", "my.toml"),
    Case("broken board file", f"{COMPILE} --board my.toml", "my.toml", write(
        "my.toml", b"alms = \n")),
    Case("incomplete board file", f"{COMPILE} --board my.toml", "my.toml", write("my.toml", b"")),
    Case("board file with words for numbers", f"{COMPILE} --board my.toml", "my.toml", write(
        "my.toml", b'card = "a"\ndevice = "b"\nalms = "many"\ndsps = 1\nm20ks = 1\n')),
    Case("unknown stage", f"{COMPILE} --to verilog", "`verilog`"),
    Case("unknown weights", f"{COMPILE} --weights ternary", "`ternary`"),
    Case("dump into a file", f"{COMPILE} --dump-ir x.npy", "x.npy"),
    Case("output is a file", COMPILE.replace("out.tf2c", "x.npy"), "x.npy"),
    Case("output is a foreign folder", COMPILE, "out.tf2c", foreign_folder),
    Case("output below a file", COMPILE.replace("out.tf2c", "x.npy/out.tf2c"), "x.npy"),
    Case("missing option", "compile net.onnx -o out.tf2c", "--calib"),
    Case("missing argument", "compile --calib calib -o out.tf2c", "MODEL"),
    Case("unknown option", f"{COMPILE} --fast", "--fast"),
    Case("unknown command", "explode net.onnx", "explode"),
    Case("seed that is no number", f"{COMPILE} --seed many", "many"),
    Case("negative seed", f"{COMPILE} --check --seed -1", "-1"),
    Case("no threads", f"{COMPILE} --threads 0", "--threads"),
    Case("no limit", f"{EVAL} --limit 0", "--limit"),
)  # fmt: skip

LABELS = (
    Case("images without labels", f"{COMPILE} --images calib", "labels"),
    Case("labels without images", f"{COMPILE} --labels labels.csv", "images"),
    Case("missing labels", MEASURE, "labels.csv", remove("labels.csv")),
    Case("empty labels", MEASURE, "labels.csv", replace_labels()),
    Case("labels without a column", MEASURE, "labels.csv", replace_labels("file,class", "0.png,0")),
    Case("labels of an absent image", MEASURE, "labels.csv", replace_labels(
        "file,label", "0.png,0", "9.png,0")),
    Case("label that is no number", MEASURE, "labels.csv", replace_labels(
        "file,label", "0.png,zero")),
    Case("label that is a superscript", MEASURE, "labels.csv", replace_labels(
        "file,label", "0.png,²")),
    Case("label too large", MEASURE, "labels.csv", replace_labels("file,label", "0.png,3")),
    Case("label beyond all integers", MEASURE, "labels.csv", replace_labels(
        "file,label", f"0.png,{10**30}")),
    Case("label offset too large", f"{EVAL} --label-offset 1", "labels.csv"),
    Case("label offset too small", f"{EVAL} --label-offset -1", "labels.csv"),
    Case("label offset beyond all integers", f"{EVAL} --label-offset {10**30}", "`label_offset`"),
    Case("label offset that is no number", f"{EVAL} --label-offset one", "one"),
    Case("image labeled twice", EVAL, "labels.csv", replace_labels(
        "file,label", "0.png,0", "1.png,1", "0.png,2")),
    Case("label of a file outside", EVAL, "../net.onnx", replace_labels(
        "file,label", "../net.onnx,0")),
    Case("labels that are no text", MEASURE, "labels.csv", write("labels.csv", b"\xff\xfe\x00")),
    Case("labels for a network without classes", MEASURE, "net.onnx", with_input(1, 1, 6, 6)),
)  # fmt: skip

ARTIFACTS = (
    Case("missing artifact", "run absent.tf2c x.npy", "absent.tf2c"),
    Case("foreign folder as artifact", "run calib x.npy", "calib"),
    Case("model as artifact", "run net.onnx x.npy", "net.onnx"),
    Case("damaged artifact", RUN, "`weights.bin`", cut_off("net.tf2c/weights.bin", 10)),
    Case("artifact without a file", RUN, "`program.bin`", remove("net.tf2c/program.bin")),
    Case("newer artifact", RUN, "net.tf2c", change_manifest(format_version=3)),
    Case("older artifact", RUN, "net.tf2c", change_manifest(format_version=1)),
    Case("artifact with a damaged manifest", RUN, "`manifest.json`", cut_off(
        "net.tf2c/manifest.json", 100)),
    Case("artifact with a manifest of wrong types", RUN, "net.tf2c", change_manifest(
        input_shape="1x6x6")),
    Case("artifact with a forged program", RUN, "`program.bin`", forge("program.bin", b"forged")),
    Case("artifact with forged weights", RUN, "`program.bin`", forge("weights.bin", b"")),
    Case("artifact with forged IR", f"{EVAL} --executor float", "graph.mlir", forge(
        "ir/graph.mlir", b"builtin.module {")),
    Case("artifact that stops early", "run int8.tf2c x.npy", "int8.tf2c"),
    Case("emulating an artifact that stops early", EVAL.replace("net", "int8")
         + " --executor emulator", "int8.tf2c"),
    Case("input of wrong shape", RUN, "x.npy", replace_array(np.ones((1, 1, 5, 6), np.float32))),
    Case("input of integers", RUN, "x.npy", replace_array(np.ones((1, 1, 6, 6), np.int8))),
    Case("input of NaN", RUN, "x.npy", replace_array(np.full((1, 1, 6, 6), np.nan))),
    Case("missing input", "run net.tf2c absent.npy", "absent.npy"),
    Case("output that is no array", "run net.tf2c x.npy -o y.txt", "y.txt"),
    Case("output in a missing folder", "run net.tf2c x.npy -o absent/y.npy", "absent/y.npy"),
    Case("output is a folder", "run net.tf2c x.npy -o d.npy", "d.npy",
         make_folder("d.npy")),
    Case("unknown device", f"{RUN} --device gpu", "`gpu`"),
    Case("absent platform", f"{RUN} --device opencl:NoSuch", "`NoSuch`"),
    Case("nameless platform", f"{RUN} --device opencl:", "opencl:"),
    Case("unknown executor", f"{EVAL} --executor tpu", "`tpu`"),
    Case("model on numpy", EVAL.replace("net.tf2c", "net.onnx") + " --executor numpy", "net.onnx"),
    Case("evaluating a missing model", EVAL.replace("net.tf2c", "absent.onnx")
         + " --executor float", "absent.onnx"),
)  # fmt: skip

CASES = (*MODELS, *CALIBRATION, *IMAGES, *PREPROCESSING, *OPTIONS, *LABELS, *ARTIFACTS)
