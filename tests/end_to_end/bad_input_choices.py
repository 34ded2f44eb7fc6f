"""Choices that do not exist, do not go together, or that a network or an engine cannot follow."""

from end_to_end.bad_input import COMPILE, Case, Prepare, write
from end_to_end.bad_input_layers import convolved, integers, node
from unit.onnx_models import random_weights

ENGINE = f"{COMPILE} --engine engine.toml"
CHECK = "check net.onnx"


def engine(text: str) -> Prepare:
    return write("engine.toml", f"{text}\n".encode())


CHOICES = (
    Case("unknown stage", f"{COMPILE} --to verilog", "`verilog`"),
    Case("unknown weights", f"{COMPILE} --weights ternary", "`ternary`"),
    Case("unknown method", f"{COMPILE} --method inq2", "`inq2`"),
    Case("unknown scales", f"{COMPILE} --scales median", "`median`"),
    Case("unknown channels", f"{COMPILE} --channels own", "`own`"),
    Case("loss without labels", f"{COMPILE} --max-loss 1", "labeled images"),
    Case("agreement beyond all", f"{COMPILE} --min-agreement 101", "101"),
    Case("agreement on too few images", f"{COMPILE} --min-agreement 50", "calibration images"),
    Case("agreement of float", f"{COMPILE} --min-agreement 50 --to graph", "`graph`"),
    Case("no terms", f"{COMPILE} --weights mixed --terms-per-mac 0.5", "0.5"),
    Case("unknown activations", f"{COMPILE} --activations int4", "`int4`"),
    Case("unknown layers to leave out", f"{COMPILE} --leave-out softmax", "`softmax`"),
    Case("int8 weights on the engine", f"{COMPILE} --weights int8 --to dataflow", "`dataflow`"),
    Case("int8 weights as shifts", f"{COMPILE} --weights int8 --to shift", "`shift`"),
    Case("unsigned activations on the engine", f"{COMPILE} --activations uint8 --to dataflow",
         "`dataflow`"),
    Case("int8 weights and unsigned activations on the engine",
         f"{COMPILE} --weights int8 --activations uint8 --to dataflow", "`dataflow`"),
    Case("checking a missing model", "check absent.onnx", "absent.onnx"),
    Case("checking an artifact", "check net.tf2c", "net.tf2c"),
    Case("checking unknown weights", f"{CHECK} --weights ternary", "`ternary`"),
    Case("checking beyond the choices", f"{CHECK} --weights int8 --to dataflow", "`dataflow`"),
    Case("checking at an unknown output", f"{CHECK} --outputs boxes", "`boxes`"),
    Case("checking calibration images", f"{CHECK} --calib calib", "--calib"),
)  # fmt: skip

ENGINES = (
    Case("engine too small for a layer", ENGINE, "`scores`", engine(
        "filter_vector = 8\nchannel_vector = 4\nweight_depth = 12")),
    Case("engine of odd vectors", ENGINE, "engine.toml", engine("channel_vector = 3")),
    Case("engine of unequal vectors", ENGINE, "`filter_vector`", engine("filter_vector = 12")),
    Case("engine of zero pixels", ENGINE, "`pixel_vector`", engine("pixel_vector = 0")),
    Case("engine without latency", ENGINE, "`latency`", engine("latency = 0")),
    Case("engine of words", ENGINE, "`weight_depth`", engine("weight_depth = 'many'")),
    Case("engine of fractions", ENGINE, "`memory_bytes`", engine("memory_bytes = 9.6")),
    Case("engine with unknown keys", ENGINE, "lanes", engine("lanes = 3840")),
    Case("engine that is no TOML", ENGINE, "engine.toml", engine("filter_vector 16")),
    Case("missing engine file", ENGINE, "engine.toml"),
    Case("transposition on the engine", COMPILE, "`layer1`", convolved(
        node("Transpose", "c", "y", "layer1", perm=[0, 2, 3, 1]))),
    Case("averages of varying counts on the engine", COMPILE, "`layer1`", convolved(
        node("AveragePool", "c", "a", "layer1", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Conv", "a v", "y", "last"), v=random_weights(1, 2, 4, 3, 3))),
    Case("five dimensions on the engine", COMPILE, "`layer1`", convolved(
        node("Reshape", "c shape", "y", "layer1"), shape=integers(0, 2, 2, 4, 4))),
    Case("concatenated rows of pixels on the engine", COMPILE, "`layer1`", convolved(
        node("Relu", "c", "r", "relu"),
        node("Concat", "r r", "j", "layer1", axis=2),
        node("Conv", "j v", "y", "last"), v=random_weights(1, 2, 4, 3, 3))),
)  # fmt: skip
