"""What cannot be retrained, and IR that is no model."""

from pathlib import Path

from end_to_end.bad_input import (
    COMPILE,
    EVAL,
    Case,
    Prepare,
    both,
    cut_off,
    empty_calibration,
    make_folder,
    replace_labels,
    replace_model,
    write,
)
from unit.onnx_models import one_layer

from tf2c.models import load_model

RETRAIN = "retrain net.onnx --images calib --labels labels.csv -o out.mlir"
RESUME = f"{RETRAIN} --epochs 1 --checkpoint training.pt"
WRITTEN = f"{RESUME} --learning-rate 0.001"


def checkpoint(epochs: int = 1, *, of_this_network: bool = False) -> Prepare:
    """A checkpoint that another training has left."""

    def prepare(folder: Path) -> None:
        # Here, because other cases need no PyTorch.
        from tf2c.learning.checkpoint import Checkpoint, save_checkpoint
        from tf2c.learning.settings import Settings
        from tf2c.learning.torch_network import TorchNetwork

        network = "0" * 64
        if of_this_network:
            network = TorchNetwork(load_model(folder / "net.tf2c" / "ir" / "graph.mlir")).digest
        left = Checkpoint(network, Settings(epochs=epochs), 1, [], {}, [], {})
        save_checkpoint(folder / "training.pt", left)

    return prepare


def copy_stage(stage: str) -> Prepare:
    """IR of an artifact as `net.mlir`."""

    def prepare(folder: Path) -> None:
        ir = folder / "net.tf2c" / "ir"
        (ir / "weights").rename(folder / "weights")
        (folder / "net.mlir").write_text((ir / f"{stage}.mlir").read_text())

    return prepare


RETRAINING = (
    Case("retraining a missing model", "retrain absent.onnx --images calib -o out.mlir",
         "absent.onnx"),
    Case("retraining an artifact", "retrain net.tf2c --images calib -o out.mlir", "net.tf2c"),
    Case("retraining on missing images", "retrain net.onnx --images absent -o out.mlir", "absent"),
    Case("retraining with missing labels", RETRAIN.replace("labels.csv", "absent.csv"),
         "absent.csv"),
    Case("retraining with labels beyond the classes", RETRAIN, "labels.csv", replace_labels(
        "file,label", "0.png,0", "1.png,3")),
    Case("retraining with labels below the classes", f"{RETRAIN} --label-offset -1", "labels.csv"),
    Case("retraining on an empty folder", "retrain net.onnx --images calib -o out.mlir", "calib",
         empty_calibration),
    Case("retraining on a damaged image", RETRAIN, "0.png", cut_off("calib/0.png", 50)),
    Case("retraining without an output", "retrain net.onnx --images calib", "--output"),
    Case("retraining into another kind of file", RETRAIN.replace("out.mlir", "out.onnx"),
         "out.onnx"),
    Case("retraining into a folder", RETRAIN, "out.mlir", make_folder("out.mlir")),
    Case("retraining into a missing folder", RETRAIN.replace("out.mlir", "absent/out.mlir"),
         "absent/out.mlir"),
    Case("retraining for no epochs", f"{RETRAIN} --epochs 0", "0"),
    Case("retraining on batches of none", f"{RETRAIN} --batch 0", "0"),
    Case("retraining at a rate of NaN", f"{RETRAIN} --learning-rate nan", "nan"),
    Case("retraining at a negative rate", f"{RETRAIN} --learning-rate -1", "-1"),
    Case("retraining at a rate that diverges", f"{RETRAIN} --learning-rate 1e30", "diverged"),
    Case("retraining a network without weights", RETRAIN, "weights", replace_model(
        one_layer("Flatten", extents=(1, 1, 3), axis=1))),
    Case("checkpoint of another network", WRITTEN, "training.pt", checkpoint()),
    Case("checkpoint of other settings", WRITTEN, "training.pt", checkpoint(
        epochs=2, of_this_network=True)),
    Case("checkpoint that is text", WRITTEN, "training.pt", write("training.pt", b"hello\n")),
    Case("checkpoint that was cut off", WRITTEN, "training.pt", both(
        checkpoint(), cut_off("training.pt", 700))),
    Case("checkpoint that is a folder", WRITTEN, "training.pt", make_folder("training.pt")),
    Case("checkpoint in a missing folder", WRITTEN.replace("training.pt", "absent/training.pt"),
         "absent/training.pt"),
)  # fmt: skip

IR = (
    Case("missing IR", COMPILE.replace("net.onnx", "absent.mlir"), "absent.mlir"),
    Case("IR of another stage", COMPILE.replace("net.onnx", "net.mlir"), "`graph`", copy_stage(
        "int8")),
    Case("checking IR of another stage", "check net.mlir", "`graph`", copy_stage("shift")),
    Case("evaluating IR of another stage", EVAL.replace("net.tf2c", "net.mlir"), "`graph`",
         copy_stage("int8")),
    Case("evaluating IR in integers", EVAL.replace("net.tf2c", "net.mlir --executor numpy"),
         "`numpy`", copy_stage("graph")),
    Case("retraining IR of another stage", RETRAIN.replace("net.onnx", "net.mlir"), "`graph`",
         copy_stage("int8")),
    Case("cutting IR", COMPILE.replace("net.onnx", "net.mlir --outputs conv"), "net.mlir",
         copy_stage("graph")),
    Case("text as IR", COMPILE.replace("net.onnx", "net.mlir"), "net.mlir", write(
        "net.mlir", b"hello\n")),
    Case("IR without its weights", COMPILE.replace("net.onnx", "net.mlir"), "net.mlir", both(
        copy_stage("graph"), lambda folder: (folder / "weights").rename(folder / "elsewhere"))),
    Case("IR of no network", COMPILE.replace("net.onnx", "net.mlir"), "net.mlir", write(
        "net.mlir", b"builtin.module {}\n")),
)  # fmt: skip
