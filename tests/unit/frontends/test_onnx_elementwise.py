"""Activations, sums and constants per channel, against ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import helper
from unit.onnx_comparison import assert_equals_onnxruntime, operations
from unit.onnx_models import build_model, one_layer, random_weights, save_model
from xdsl.dialects.builtin import ModuleOp

from tf2c.dialects import graph
from tf2c.errors import UserError
from tf2c.frontends.onnx import load_onnx

EXTENTS = (3, 4, 5)


def imported(tmp_path: Path, model: onnx.ModelProto) -> ModuleOp:
    return load_onnx(save_model(tmp_path / "net.onnx", model))


def compare(tmp_path: Path, model: onnx.ModelProto) -> None:
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", model), EXTENTS)


def single(value: float) -> npt.NDArray[np.float32]:
    return np.array(value, np.float32)


def test_relu_equals_onnxruntime(tmp_path: Path) -> None:
    compare(tmp_path, one_layer("Relu", extents=EXTENTS))


@pytest.mark.parametrize(
    ("minimum", "maximum", "expected"),
    [
        (0.0, 6.0, ["graph.clip"]),
        (-0.5, 0.25, ["graph.clip"]),
        (-0.5, None, ["graph.clip"]),
        (None, 0.5, ["graph.clip"]),
        (0.0, None, ["graph.relu"]),
        (0.0, float(np.finfo(np.float32).max), ["graph.relu"]),
        (None, None, []),
    ],
)
@pytest.mark.parametrize("opset", [7, 10, 11, 12, 13])
def test_bounds_equal_onnxruntime(
    tmp_path: Path, opset: int, minimum: float | None, maximum: float | None, expected: list[str]
) -> None:
    bounds = {"min": minimum, "max": maximum}
    if opset < 11:
        given: dict[str, Any] = {name: bound for name, bound in bounds.items() if bound is not None}
        clip = helper.make_node("Clip", ["c"], ["y"], **given)
        constants: dict[str, npt.NDArray[np.float32]] = {}
    else:
        names = [name if bound is not None else "" for name, bound in bounds.items()]
        clip = helper.make_node("Clip", ["c", *names], ["y"])
        constants = {name: single(bound) for name, bound in bounds.items() if bound is not None}
    # A network that consists of nothing would return its input, which is refused.
    scale = helper.make_node("Mul", ["x", "scale"], ["c"])
    model = build_model(
        [scale, clip], constants | {"scale": single(2)}, inputs=[("x", ("n", *EXTENTS))],
        opset=opset,
    )  # fmt: skip
    compare(tmp_path, model)
    assert [op.name for op in operations(imported(tmp_path, model))][1:] == expected


@pytest.mark.parametrize("axis", [None, 1, 2, 3, -1, -2])
@pytest.mark.parametrize("opset", [7, 11, 12, 13, 21])
def test_probabilities_equal_onnxruntime(tmp_path: Path, opset: int, axis: int | None) -> None:
    attributes = {} if axis is None else {"axis": axis}
    compare(tmp_path, one_layer("Softmax", opset=opset, extents=EXTENTS, **attributes))


@pytest.mark.parametrize("opset", [12, 13])
def test_probabilities_of_single_pixels_need_no_reshape(tmp_path: Path, opset: int) -> None:
    model = one_layer("Softmax", opset=opset, extents=(5, 1, 1), axis=1)
    assert [op.name for op in operations(imported(tmp_path, model))] == ["graph.softmax"]


@pytest.mark.parametrize("shape", [(), (1,), (3, 1, 1), (1, 3, 1, 1), (1, 1, 1, 1)], ids=str)
@pytest.mark.parametrize(
    ("op_type", "swapped"),
    [
        *[(op_type, False) for op_type in ("Add", "Sub", "Mul", "Div", "Sum")],
        # A division by a computed tensor is refused.
        *[(op_type, True) for op_type in ("Add", "Sub", "Mul", "Sum")],
    ],
)
def test_constants_per_channel_equal_onnxruntime(
    tmp_path: Path, op_type: str, shape: tuple[int, ...], swapped: bool
) -> None:
    node = helper.make_node(op_type, ["c", "x"] if swapped else ["x", "c"], ["y"])
    constant = np.asarray(random_weights(3, *shape), np.float32)
    model = build_model([node], {"c": constant}, inputs=[("x", ("n", *EXTENTS))], opset=8)
    compare(tmp_path, model)
    (op,) = operations(imported(tmp_path, model))
    assert isinstance(op, graph.BatchNormalizationOp)


@pytest.mark.parametrize("shape", [(), (60,), (1, 60), (1, 1)], ids=str)
def test_constants_of_rows_equal_onnxruntime(tmp_path: Path, shape: tuple[int, ...]) -> None:
    nodes = [
        helper.make_node("Flatten", ["x"], ["rows"]),
        helper.make_node("Add", ["rows", "c"], ["y"]),
    ]
    constant = np.asarray(random_weights(3, *shape), np.float32)
    compare(tmp_path, build_model(nodes, {"c": constant}, inputs=[("x", ("n", *EXTENTS))]))


@pytest.mark.parametrize("operands", [["x"], ["x", "r"], ["x", "r", "x"], ["r", "c", "x", "c"]])
@pytest.mark.parametrize("opset", [8, 13])
def test_sums_equal_onnxruntime(tmp_path: Path, opset: int, operands: list[str]) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("Sum", operands, ["s"], name="sum"),
        helper.make_node("Relu", ["s"], ["y"]),
    ]
    weights = {"c": random_weights(1, 3, 1, 1)}
    model = build_model(nodes, weights, inputs=[("x", ("n", *EXTENTS))], opset=opset)
    compare(tmp_path, model)


def two_tensors(op_type: str, *, pooled: bool = False) -> onnx.ModelProto:
    nodes = [
        helper.make_node("GlobalAveragePool" if pooled else "Relu", ["x"], ["r"]),
        helper.make_node(op_type, ["x", "r"], ["y"], name="layer1"),
    ]
    return build_model(nodes, inputs=[("x", ("n", *EXTENTS))])


def layer1(op_type: str, *constants: npt.NDArray[Any] | None, **rest: Any) -> onnx.ModelProto:
    return one_layer(op_type, *constants, extents=EXTENTS, **rest)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (layer1("Clip", single(1), single(0)), "expected ordered bounds, got 1 and 0"),
        (layer1("Clip", single(np.nan)), "expected bounds that are numbers, got NaN"),
        (layer1("Clip", np.ones(2, np.float32)), "expected one number as `min`, got 2"),
        (layer1("Softmax", axis=0), "expected a Softmax along an axis of one image"),
        (layer1("Softmax", axis=4), r"expected an axis in -4\.\.3, got 4"),
        (layer1("Add", random_weights(1, 3, 4, 5)), "one number per channel of .*, got 3x4x5"),
        (layer1("Add", random_weights(1, 5)), "one number per channel of .*, got 5"),
        (layer1("Mul", random_weights(1, 3)), "one number per channel of .*, got 3"),
        (layer1("Mul", random_weights(1, 2, 1, 1, 1)), "per channel of .*, got 2x1x1x1"),
        (layer1("Add", random_weights(1, 1, 1, 3, 1, 1)), "per channel of .*, got 1x1x3x1x1"),
        (one_layer("Add", random_weights(1, 4, 1, 1), extents=(1, 2, 2)), "got 4x1x1"),
        (layer1("Add", single(np.inf)), "expected finite weights"),
        (layer1("Div", single(0)), "expected divisors with a finite inverse, got 0"),
        (
            build_model([helper.make_node("Div", ["c", "x"], ["y"], name="layer1")],
                        {"c": single(1)}),
            "expected a constant divisor, got a computed one",
        ),
        (two_tensors("Mul"), "expected a constant operand of `Mul`, got two computed tensors"),
        (two_tensors("Sub"), "expected a constant operand of `Sub`"),
        (two_tensors("Div"), "expected a constant operand of `Div`"),
        (two_tensors("Add", pooled=True), "one shape, got .x3x4x5 and .x3x1x1"),
        (layer1("LeakyRelu"), "op `LeakyRelu` is not supported"),
        (layer1("PRelu", random_weights(1, 3, 1, 1)), "op `PRelu` is not supported"),
        (layer1("Sigmoid"), "op `Sigmoid` is not supported"),
        (layer1("HardSwish"), "op `HardSwish` is not supported"),
    ],
)  # fmt: skip
def test_operands_that_cannot_be_imported_are_refused(
    tmp_path: Path, model: onnx.ModelProto, message: str
) -> None:
    with pytest.raises(UserError, match=f"layer `layer1`: .*{message}"):
        imported(tmp_path, model)
