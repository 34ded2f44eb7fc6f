"""Comparisons that cannot be made: of layers with `eval --trace`, of stages with `bisect`."""

from pathlib import Path

import numpy as np
from end_to_end.bad_input import EVAL, Case, change_manifest, make_folder, replace_array, write
from unit.onnx_models import classifier_model, save_model

import tf2c

BISECT = "bisect net.tf2c:shift net.tf2c:dataflow"
TRACE = f"{EVAL} --trace trace.json"


def graph_artifact(folder: Path) -> None:
    """An artifact that stops where everything is float."""
    model = folder / "net.onnx"
    tf2c.compile(model, calib=folder / "calib", output=folder / "graph.tf2c", to="graph")


def other_artifact(folder: Path) -> None:
    """A network that takes other images."""
    model = save_model(folder / "other.onnx", classifier_model())
    tf2c.compile(model, calib="random:2", output=folder / "other.tf2c")


def cut_artifact(folder: Path) -> None:
    """The same network, cut in front of its last layer."""
    calib, output = folder / "calib", folder / "cut.tf2c"
    tf2c.compile(folder / "net.onnx", calib=calib, output=output, outputs=["relu"], to="graph")


TRACES = (
    Case("trace of a model", TRACE.replace("net.tf2c", "net.onnx"), "net.onnx"),
    Case("trace of one stage", TRACE.replace("net.tf2c", "graph.tf2c"), "graph.tf2c",
         graph_artifact),
    Case("integers of a float artifact", EVAL.replace("net.tf2c", "graph.tf2c")
         + " --executor numpy", "graph.tf2c", graph_artifact),
    Case("trace in a missing folder", f"{EVAL} --trace absent/trace.json", "absent/trace.json"),
    Case("trace below a file", f"{EVAL} --trace x.npy/trace.json", "x.npy/trace.json"),
    Case("trace into a folder", TRACE, "trace.json", make_folder("trace.json")),
    Case("trace that is no JSON", f"{EVAL} --trace trace.csv", "trace.csv"),
)  # fmt: skip

SIDES = (
    Case("bisecting one side", "bisect net.tf2c", "B"),
    Case("bisecting a missing artifact", "bisect absent.tf2c net.tf2c", "absent.tf2c"),
    Case("bisecting a missing IR file", "bisect net.tf2c absent.mlir", "absent.mlir"),
    Case("bisecting a model", "bisect net.onnx net.tf2c", "net.onnx"),
    Case("bisecting an unknown stage", "bisect net.tf2c:verilog net.tf2c", "`verilog`"),
    Case("bisecting no stage", "bisect net.tf2c: net.tf2c", "`net.tf2c:`"),
    Case("bisecting an unknown executor", "bisect net.tf2c@tpu net.tf2c", "`tpu`"),
    Case("bisecting no executor", "bisect net.tf2c@ net.tf2c", "`net.tf2c@`"),
    Case("bisecting a stage of an IR file", "bisect net.tf2c/ir/int8.mlir:int8 net.tf2c",
         "`int8`"),
    Case("bisecting a stage that was not reached", "bisect int8.tf2c:shift net.tf2c",
         "int8.tf2c"),
    Case("bisecting integers of float", "bisect net.tf2c:graph@numpy net.tf2c", "net.tf2c"),
    Case("bisecting integers of jobs", "bisect net.tf2c:dataflow@openvino net.tf2c", "net.tf2c"),
    Case("bisecting integers of nothing", "bisect graph.tf2c@numpy net.tf2c", "graph.tf2c",
         graph_artifact),
    Case("bisecting an artifact of an unknown stage", "bisect net.tf2c int8.tf2c", "int8.tf2c",
         change_manifest("int8.tf2c", stage="verilog")),
    Case("bisecting with a broken pipeline", "bisect net.tf2c:int8 net.tf2c", "net.tf2c",
         change_manifest(pipeline={"shift": "round-weights-to-pow2,explode"})),
    Case("bisecting text", "bisect net.tf2c broken.mlir", "broken.mlir", write(
        "broken.mlir", b"builtin.module {")),
    Case("bisecting IR of no network", "bisect net.tf2c empty.mlir", "empty.mlir", write(
        "empty.mlir", b"builtin.module {}")),
    Case("bisecting networks of other images", "bisect net.tf2c other.tf2c", "other.tf2c",
         other_artifact),
    Case("bisecting other results", "bisect net.tf2c:graph cut.tf2c", "results", cut_artifact),
    Case("bisecting on missing images", f"{BISECT} --images absent", "absent"),
    Case("bisecting on images of another shape", f"{BISECT} --images x.npy", "x.npy",
         replace_array(np.ones((1, 3, 6, 6)))),
    Case("bisecting on no images", f"{BISECT} --images random:0", "random:0"),
    Case("bisecting with missing calibration", f"{BISECT} --calib absent", "absent"),
)  # fmt: skip
