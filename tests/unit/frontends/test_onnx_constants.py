"""What models compute from constants alone: folded at import, as ONNX Runtime computes it."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from unit.onnx_comparison import operations
from unit.onnx_models import IR_VERSION, build_model, random_weights, save_model
from xdsl.builder import Builder
from xdsl.ir import Block
from xdsl.rewriter import InsertPoint

from tf2c.dialects import graph
from tf2c.errors import UserError
from tf2c.frontends.onnx import load_onnx
from tf2c.frontends.onnx.constants import FOLDERS, fold
from tf2c.frontends.onnx.converters import CONVERTERS
from tf2c.frontends.onnx.node import Import, Layer

SIX = np.arange(-2, 4, dtype=np.float32).reshape(2, 3)
WHOLE = np.array([[7, -7, 9], [0, 4, -3]], np.int64)


def ints(*values: int) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)


CASES: list[tuple[str, list[npt.NDArray[Any] | None], int, dict[str, Any]]] = [
    ("Abs", [SIX], 13, {}),
    ("Add", [SIX, SIX[:1]], 7, {}),
    ("Cast", [SIX + np.float32(0.75)], 9, {"to": TensorProto.INT64}),
    ("Cast", [WHOLE], 13, {"to": TensorProto.FLOAT}),
    ("Cast", [WHOLE], 13, {"to": TensorProto.BOOL}),
    ("Ceil", [SIX / 4], 6, {}),
    ("Concat", [SIX, SIX], 7, {"axis": 1}),
    ("Concat", [SIX, SIX[:1]], 13, {"axis": -2}),
    ("ConstantOfShape", [ints(2, 3)], 9, {}),
    (
        "ConstantOfShape",
        [ints(4)],
        9,
        {"value": numpy_helper.from_array(np.array([3], np.int64))},
    ),
    ("Div", [SIX, SIX + 4], 7, {}),
    ("Div", [WHOLE, ints(2)], 13, {}),
    ("Div", [WHOLE, ints(-2)], 13, {}),
    ("Dropout", [SIX], 7, {}),
    ("Equal", [WHOLE, ints(4)], 13, {}),
    ("Exp", [SIX], 13, {}),
    ("Expand", [SIX[:, :1], ints(2, 1, 4)], 8, {}),
    ("Flatten", [random_weights(0, 2, 3, 4)], 13, {"axis": 2}),
    ("Floor", [SIX / 4], 13, {}),
    ("Gather", [SIX, ints(1, 0)], 7, {"axis": 1}),
    ("Gather", [SIX, np.array(-1)], 13, {}),
    ("Identity", [SIX], 13, {}),
    ("Max", [SIX, -SIX, SIX[:1]], 13, {}),
    ("Min", [SIX, -SIX], 8, {}),
    ("Mul", [WHOLE, WHOLE], 13, {}),
    ("Neg", [SIX], 13, {}),
    ("Pow", [SIX, np.array(2, np.float32)], 13, {}),
    ("Range", [np.array(2), np.array(11), np.array(3)], 11, {}),
    ("Range", [np.array(5), np.array(-5), np.array(-2)], 11, {}),
    ("Reciprocal", [SIX + np.float32(0.5)], 13, {}),
    ("ReduceMax", [SIX], 13, {"axes": [1]}),
    ("ReduceMean", [SIX, ints(0)], 18, {}),
    ("ReduceMin", [SIX], 13, {"keepdims": 0}),
    ("ReduceProd", [SIX], 11, {"axes": [-1], "keepdims": 0}),
    ("ReduceProd", [WHOLE, ints(1)], 18, {}),
    ("ReduceSum", [SIX], 11, {"axes": [0]}),
    ("ReduceSum", [SIX, ints(0)], 13, {"keepdims": 0}),
    ("ReduceSum", [SIX], 13, {"noop_with_empty_axes": 1}),
    ("Reshape", [SIX, ints(3, -1)], 7, {}),
    ("Reshape", [SIX, ints(0, 3, 1)], 13, {}),
    ("Size", [SIX], 13, {}),
    ("Shape", [SIX], 13, {}),
    ("Shape", [random_weights(0, 2, 3, 4)], 15, {"start": 1, "end": -1}),
    ("Slice", [SIX], 7, {"starts": [1], "ends": [3], "axes": [1]}),
    ("Slice", [SIX, ints(2), ints(-9), ints(1), ints(-2)], 10, {}),
    ("Slice", [SIX, ints(-1, 0), ints(9, 2)], 13, {}),
    ("Slice", [SIX, ints(0), ints(1), None, ints(1)], 13, {}),
    ("Sqrt", [np.abs(SIX)], 13, {}),
    ("Squeeze", [SIX[:1]], 11, {"axes": [0]}),
    ("Squeeze", [SIX[:1], ints(0)], 13, {}),
    ("Squeeze", [SIX[:1, :1]], 13, {}),
    ("Sub", [SIX, SIX[:, :1]], 13, {}),
    ("Sum", [SIX, SIX, SIX], 13, {}),
    ("Sum", [SIX], 13, {}),
    ("Transpose", [random_weights(0, 2, 3, 4)], 13, {}),
    ("Transpose", [SIX], 13, {"perm": [1, 0]}),
    ("Unsqueeze", [SIX], 11, {"axes": [0, -1]}),
    ("Unsqueeze", [SIX, ints(1)], 13, {}),
    ("Where", [SIX > 0, SIX, -SIX], 9, {}),
]


def computed_by_onnxruntime(model: onnx.ModelProto) -> npt.NDArray[Any]:
    session: Any = ort.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (result,) = session.run(None, {})
    return result


@pytest.mark.parametrize(("op_type", "inputs", "opset", "attributes"), CASES)
def test_a_folded_op_equals_onnxruntime(
    tmp_path: Path,
    op_type: str,
    inputs: list[npt.NDArray[Any] | None],
    opset: int,
    attributes: dict[str, Any],
) -> None:
    names = ["" if array is None else f"c{index}" for index, array in enumerate(inputs)]
    arrays = {name: array for name, array in zip(names, inputs, strict=True) if array is not None}
    node = helper.make_node(op_type, names, ["folded"], **attributes)
    expected = computed_by_onnxruntime(
        helper.make_model(
            helper.make_graph(
                [node], "constants", [], [onnx.ValueInfoProto(name="folded")],
                [numpy_helper.from_array(array, name) for name, array in arrays.items()],
            ),
            opset_imports=[helper.make_opsetid("", opset)],
            ir_version=IR_VERSION,
        )
    )  # fmt: skip
    shared = Import(tmp_path, opset, None, {**arrays}, Builder(InsertPoint.at_start(Block())))
    layer = Layer(shared, node, "layer1")
    found = fold(layer) if op_type in FOLDERS else CONVERTERS[op_type](layer)
    assert isinstance(found, np.ndarray)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=0)


def test_every_folded_op_is_compared() -> None:
    assert set(FOLDERS) - {"Constant"} <= {op_type for op_type, *_ in CASES}


@pytest.mark.parametrize(
    "attributes",
    [
        {"value": numpy_helper.from_array(np.array([2.5], np.float32))},
        {"value_float": 2.5},
        {"value_floats": [2.5]},
    ],
    ids=lambda attributes: next(iter(attributes)),
)
def test_constants_of_real_numbers_are_read(tmp_path: Path, attributes: dict[str, Any]) -> None:
    nodes = [
        helper.make_node("Constant", [], ["c"], **attributes),
        helper.make_node("Mul", ["x", "c"], ["y"]),
    ]
    module = load_onnx(save_model(tmp_path / "net.onnx", build_model(nodes)))
    scale, *_ = (op.value.array for op in module.walk() if isinstance(op, graph.ConstantOp))
    assert scale.tolist() == [2.5, 2.5]


@pytest.mark.parametrize("attributes", [{"value_int": 72}, {"value_ints": [72]}], ids=str)
def test_constants_of_integers_are_read(tmp_path: Path, attributes: dict[str, Any]) -> None:
    nodes = [
        helper.make_node("Constant", [], ["c"], **attributes),
        helper.make_node("Reshape", ["c", "row"], ["extent"]),
        helper.make_node("Concat", ["copy", "extent"], ["shape"], axis=0),
        helper.make_node("Reshape", ["x", "shape"], ["y"]),
    ]
    model = build_model(nodes, {"copy": ints(0), "row": ints(1)})
    (reshape,) = operations(load_onnx(save_model(tmp_path / "net.onnx", model)))
    assert str(reshape.results[0].type) == "tensor<?x72xf32>"


def folding(op_type: str, *inputs: npt.NDArray[Any], **attributes: Any) -> onnx.ModelProto:
    names = [f"c{index}" for index in range(len(inputs))]
    nodes = [
        helper.make_node(op_type, names, ["folded"], name="layer1", **attributes),
        helper.make_node("Add", ["x", "folded"], ["y"]),
    ]
    return build_model(nodes, dict(zip(names, inputs, strict=True)))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (folding("Constant", value_string="x"), "a `Constant` of numbers, got `value_string`"),
        (folding("ConstantOfShape", ints(1 << 20, 1 << 20)), "at most 268435456 elements, got"),
        (folding("Expand", SIX, ints(1 << 40, 2, 3)), "at most 268435456 elements, got"),
        (folding("Range", np.array(0), np.array(1 << 40), np.array(1)), "at most 268435456"),
        (folding("Range", np.array(0), np.array(4), np.array(0)), "fit `Range`, got others"),
        (folding("Div", WHOLE, ints(0)), r"fit `Div`, got others \(a division by zero\)"),
        (folding("Gather", SIX, ints(5)), "fit `Gather`, got others"),
        (folding("Mul", SIX, np.ones(2, np.float32)), "fit `Mul`, got others"),
        (folding("Reshape", SIX, ints(4, 4)), "fit `Reshape`, got others"),
        (folding("Cast", SIX, to=TensorProto.STRING), "expected a cast to numbers, got STRING"),
        (folding("Identity", np.array(["1"])), "layer `y`: expected float weights in `folded`"),
        (folding("Tanh", SIX), "op `Tanh` is not supported"),
        (
            build_model([helper.make_node("Floor", ["x"], ["y"], name="layer1")]),
            "op `Floor` is not supported",
        ),
    ],
)
def test_constants_that_cannot_be_computed_are_refused(
    tmp_path: Path, model: onnx.ModelProto, message: str
) -> None:
    with pytest.raises(UserError, match=message) as refusal:
        load_onnx(save_model(tmp_path / "net.onnx", model))
    # Texts are noticed by the layer that takes them for weights.
    assert "layer `layer1`: " in str(refusal.value) or message.startswith("layer `y`: ")
