"""Layers that only move elements, and where the batch goes, against ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper
from unit.onnx_comparison import assert_equals_onnxruntime, operations
from unit.onnx_models import build_model, one_layer, random_weights, save_model
from xdsl.dialects.builtin import ModuleOp

from tf2c.errors import UserError
from tf2c.frontends.onnx import load_onnx

EXTENTS = (3, 4, 5)
LAST = np.iinfo(np.int64).max


def integers(*values: int) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)


def imported(tmp_path: Path, model: onnx.ModelProto) -> ModuleOp:
    return load_onnx(save_model(tmp_path / "net.onnx", model))


def compare(tmp_path: Path, model: onnx.ModelProto) -> None:
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", model), EXTENTS)


def network(
    nodes: Sequence[onnx.NodeProto], *, batch: int | str = "n", opset: int = 17, **weights: Any
) -> onnx.ModelProto:
    return build_model(nodes, weights, inputs=[("x", (batch, *EXTENTS))], opset=opset)


def layer1(op_type: str, *constants: npt.NDArray[Any] | None, **rest: Any) -> onnx.ModelProto:
    return one_layer(op_type, *constants, extents=EXTENTS, **rest)


@pytest.mark.parametrize("axis", [1, 2, 3, -1, -3])
def test_concatenations_equal_onnxruntime(tmp_path: Path, axis: int) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("Concat", ["x", "r", "x"], ["y"], axis=axis),
    ]
    compare(tmp_path, network(nodes))


@pytest.mark.parametrize("attributes", [{"perm": [0, 2, 3, 1]}, {"perm": [0, 3, 2, 1]}], ids=str)
def test_transpositions_equal_onnxruntime(tmp_path: Path, attributes: dict[str, Any]) -> None:
    compare(tmp_path, layer1("Transpose", **attributes))


@pytest.mark.parametrize(
    "pads",
    [
        [0, 1, 0, 2, 0, 0, 3, 1],
        [0, 0, 0, 0, 0, 0, 1, 0],
        [0, -1, 0, 0, 0, 0, 0, -2],
        [0, -1, 2, 0, 0, 1, -3, 0],
    ],
    ids=str,
)
@pytest.mark.parametrize("opset", [7, 10, 11, 13, 18, 21])
def test_pads_equal_onnxruntime(tmp_path: Path, opset: int, pads: list[int]) -> None:
    if opset < 11:
        compare(tmp_path, layer1("Pad", opset=opset, pads=pads))
    else:
        compare(tmp_path, layer1("Pad", integers(*pads), np.array(0, np.float32), opset=opset))


def test_pads_of_named_axes_equal_onnxruntime(tmp_path: Path) -> None:
    model = layer1("Pad", integers(1, 2, 3, 4), None, integers(-1, 1), opset=18)
    compare(tmp_path, model)


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [
        ([1], [3], [1], [1]),
        ([0, 1], [LAST, -1], [2, 3], [2, 3]),
        ([-3], [100], [-1], [2]),
        ([0, 0, 1], [LAST, 2, LAST], [0, 1, 2], [1, 1, 1]),
    ],
)
@pytest.mark.parametrize("opset", [7, 9, 10, 11, 13])
def test_slices_equal_onnxruntime(
    tmp_path: Path,
    opset: int,
    starts: list[int],
    ends: list[int],
    axes: list[int],
    steps: list[int],
) -> None:
    if opset < 10:
        model = layer1("Slice", opset=opset, starts=starts, ends=ends, axes=axes)
    else:
        parameters = [integers(*each) for each in (starts, ends, axes, steps)]
        model = layer1("Slice", *parameters, opset=opset)
    compare(tmp_path, model)


def test_slices_of_the_first_axes_equal_onnxruntime(tmp_path: Path) -> None:
    compare(tmp_path, layer1("Slice", integers(0, 1), integers(LAST, 3)))


@pytest.mark.parametrize("opset", [7, 11, 13])
@pytest.mark.parametrize("axes", [[2], [2, 3]])
def test_squeezing_equals_onnxruntime(tmp_path: Path, opset: int, axes: list[int]) -> None:
    pool = helper.make_node("GlobalAveragePool", ["x"], ["p"])
    if opset < 13:
        node = helper.make_node("Squeeze", ["p"], ["y"], axes=axes)
        compare(tmp_path, network([pool, node], opset=opset))
    else:
        node = helper.make_node("Squeeze", ["p", "axes"], ["y"])
        compare(tmp_path, network([pool, node], opset=opset, axes=integers(*axes)))


def test_squeezing_of_all_axes_spares_an_open_batch(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["p"]),
        helper.make_node("Squeeze", ["p"], ["y"]),
    ]
    compare(tmp_path, network(nodes))


@pytest.mark.parametrize(("opset", "axes"), [(7, [1, 4]), (11, [-1]), (13, [2]), (21, [-2, 1])])
def test_unsqueezing_equals_onnxruntime(tmp_path: Path, opset: int, axes: list[int]) -> None:
    if opset < 13:
        compare(tmp_path, layer1("Unsqueeze", opset=opset, axes=axes))
    else:
        compare(tmp_path, layer1("Unsqueeze", integers(*axes), opset=opset))


@pytest.mark.parametrize("attributes", [{}, {"axis": 1}, {"axis": -3}], ids=str)
def test_flattening_equals_onnxruntime(tmp_path: Path, attributes: dict[str, int]) -> None:
    compare(tmp_path, layer1("Flatten", **attributes))


@pytest.mark.parametrize(
    "shape",
    [
        [0, 60], [0, -1], [-1, 60], [-1, 12, 5], [0, 0, 20], [0, 3, -1], [0, 0, -1, 5],
        [0, 0, 0, 0], [-1, 3, 2, 2, 5],
    ],
    ids=str,
)  # fmt: skip
def test_reshapes_equal_onnxruntime(tmp_path: Path, shape: list[int]) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("Reshape", ["r", "shape"], ["y"]),
    ]
    compare(tmp_path, network(nodes, shape=integers(*shape)))


@pytest.mark.parametrize("shape", [[1, 60], [1, -1], [-1, 60], [1, 3, 20], [0, 0, -1]], ids=str)
def test_reshapes_with_a_static_batch_equal_onnxruntime(tmp_path: Path, shape: list[int]) -> None:
    compare(tmp_path, layer1("Reshape", integers(*shape), batch=1))


def test_a_static_batch_of_several_images_is_a_batch(tmp_path: Path) -> None:
    compare(tmp_path, layer1("Reshape", integers(3, -1), batch=3))


@pytest.mark.parametrize("batch", ["n", 1])
@pytest.mark.parametrize("opset", [9, 11, 13])
def test_a_shape_computed_from_the_batch_equals_onnxruntime(
    tmp_path: Path, opset: int, batch: int | str
) -> None:
    """`x.view(x.shape[0], -1, 5)`, as exporters write it."""
    axes: dict[str, Any] = {"axes": [0]} if opset < 13 else {}
    operands = [] if opset < 13 else ["zero"]
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 1, 3]),
        helper.make_node("Shape", ["t"], ["s"]),
        helper.make_node("Cast", ["s"], ["i"], to=TensorProto.INT64),
        helper.make_node("Gather", ["i", "first"], ["g"], axis=0),
        helper.make_node("Unsqueeze", ["g", *operands], ["u"], **axes),
        helper.make_node("Concat", ["u", "rest"], ["c"], axis=0),
        helper.make_node("Reshape", ["t", "c"], ["y"]),
    ]
    constants = {"first": np.array(0), "rest": integers(-1, 5)}
    if opset >= 13:
        constants["zero"] = integers(0)
    compare(tmp_path, network(nodes, batch=batch, opset=opset, **constants))


def test_arithmetic_with_extents_equals_onnxruntime(tmp_path: Path) -> None:
    """`x.view(x.shape[0], x.shape[1] * x.shape[2], x.shape[3])`."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        *[helper.make_node("Gather", ["s", f"i{axis}"], [f"g{axis}"]) for axis in range(4)],
        helper.make_node("Mul", ["g1", "g2"], ["m"]),
        helper.make_node("Concat", ["g0", "m", "g3"], ["c"], axis=0),
        helper.make_node("Reshape", ["x", "c"], ["y"]),
    ]
    indices: dict[str, Any] = {f"i{axis}": integers(axis) for axis in range(4)}
    compare(tmp_path, network(nodes, **indices))


def merged(*behind: onnx.NodeProto, batch: int | str = "n", **weights: Any) -> onnx.ModelProto:
    """A network that merges the batch with channels: `m` is `[N * 3, 20]`."""
    flatten = helper.make_node("Flatten", ["x"], ["m"], axis=2, name="merge")
    return network([flatten, *behind], batch=batch, **weights)


@pytest.mark.parametrize("shape", [[-1, 3, 20], [-1, 60], [-1, 3, 4, 5], [-1, 6, 10]], ids=str)
def test_a_batch_merged_with_an_axis_is_told_apart_again(tmp_path: Path, shape: list[int]) -> None:
    nodes = [
        helper.make_node("Relu", ["m"], ["r"]),
        helper.make_node("Clip", ["r", "", "one"], ["c"]),
        helper.make_node("Softmax", ["c"], ["s"], axis=1),
        helper.make_node("Identity", ["s"], ["i"]),
        helper.make_node("Reshape", ["i", "shape"], ["y"]),
    ]
    one = np.array(1, np.float32)
    compare(tmp_path, merged(*nodes, one=one, shape=integers(*shape)))


def test_a_merged_batch_reshaped_by_the_shape_it_had(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["before"]),
        helper.make_node("Softmax", ["m"], ["s"], axis=-1),
        helper.make_node("Reshape", ["s", "before"], ["y"]),
    ]
    for batch in ("n", 1):
        compare(tmp_path, merged(*nodes, batch=batch))


def test_a_merged_batch_has_a_shape_if_it_is_static(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["m"], ["r"]),
        helper.make_node("Shape", ["r"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["rows"]),
        helper.make_node("Div", ["rows", "three"], ["images"]),
        helper.make_node("Concat", ["images", "rest"], ["shape"], axis=0),
        helper.make_node("Reshape", ["r", "shape"], ["y"]),
    ]
    constants: dict[str, Any] = {"zero": integers(0), "three": integers(3), "rest": integers(3, -1)}
    compare(tmp_path, merged(*nodes, batch=1, **constants))


def test_a_reshape_that_merges_the_batch_is_told_apart_again(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Reshape", ["x", "rows"], ["m"]),
        helper.make_node("Softmax", ["m"], ["s"], axis=1),
        helper.make_node("Reshape", ["s", "shape"], ["y"]),
    ]
    model = network(nodes, rows=integers(-1, 5), shape=integers(-1, 12, 5))
    compare(tmp_path, model)


@pytest.mark.parametrize(
    ("op_type", "constants", "opset"),
    [
        ("Identity", (), 17),
        ("Dropout", (), 7),
        ("Dropout", (), 10),
        ("Dropout", (np.array(0.5, np.float32), np.array(False)), 13),
        ("Cast", (), 13),
        ("Pad", (integers(*[0] * 4),), 13),
        ("Slice", (integers(0), integers(LAST)), 13),
        ("Transpose", (), 13),
        ("Concat", (), 13),
        ("Flatten", (), 13),
        ("Squeeze", (integers(),), 13),
        ("Reshape", (integers(0, -1),), 13),
    ],
)
def test_what_does_nothing_vanishes(
    tmp_path: Path, op_type: str, constants: tuple[npt.NDArray[Any], ...], opset: int
) -> None:
    attributes: dict[str, Any] = {
        "Cast": {"to": TensorProto.FLOAT},
        "Concat": {"axis": 1},
        "Transpose": {"perm": [0, 1]},
    }.get(op_type, {})
    names = [f"c{index}" for index in range(len(constants))]
    nodes = [
        helper.make_node("Flatten", ["x"], ["rows"]),
        helper.make_node(op_type, ["rows", *names], ["same"], **attributes),
        helper.make_node("Relu", ["same"], ["y"]),
    ]
    weights: dict[str, Any] = dict(zip(names, constants, strict=True))
    model = network(nodes, opset=opset, **weights)
    assert [op.name for op in operations(imported(tmp_path, model))] == [
        "layout.reshape",
        "graph.relu",
    ]
    compare(tmp_path, model)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (layer1("Concat", random_weights(0, 1, *EXTENTS), axis=1), "expected a computed tensor as"),
        (
            network([helper.make_node("Concat", ["x", "x"], ["y"], name="layer1", axis=0)]),
            "expected an axis behind the batch, got 0",
        ),
        (layer1("Transpose", perm=[1, 0, 2, 3]), "expected `perm` with the batch first"),
        (layer1("Transpose"), r"expected `perm` with the batch first, got \[3, 2, 1, 0\]"),
        (layer1("Pad", integers(1, *[0] * 7)), "expected no pads of the batch, got 1 and 0"),
        (
            layer1("Pad", integers(*[0] * 7, 1), np.array(1, np.float32)),
            "expected a Pad with 0, got 1",
        ),
        (layer1("Pad", opset=7, pads=[0] * 7 + [1], value=-1.0), "expected a Pad with 0, got -1"),
        (layer1("Pad", integers(*[0] * 7, 1), mode="reflect"), "expected `mode` constant of `Pad`"),
        (layer1("Pad", integers(0, 0, 0, -5, 0, 0, 0, 0)), "expected `starts`|a part of 0..5"),
        (layer1("Slice", integers(0), integers(1), integers(0)), "the whole batch, got 0..1 by 1"),
        (
            layer1("Slice", integers(3), integers(0), integers(2), integers(-1)),
            "expected `steps` >= 1, got -1",
        ),
        (layer1("Slice", integers(2), integers(2), integers(2)), "with elements along axis 2"),
        (layer1("Squeeze", integers(0)), "expected `axes` behind the batch, got 0"),
        (layer1("Squeeze", integers(1)), r"expected `axes` of extent 1 of .*, got \[1\]"),
        (layer1("Squeeze", batch=1), "which removes the batch of 1"),
        (layer1("Unsqueeze", integers(0)), "expected `axes` behind the batch, got 0"),
        (layer1("Flatten", axis=0), "expected `axis` >= 1 of `Flatten`, got 0"),
        (layer1("Reshape", integers(1, 60)), "expected the symbolic batch as the first dimension"),
        (layer1("Reshape", integers(4, -1), batch=3), "expected the batch of 3 as the first"),
        (layer1("Reshape", integers(-1, 7)), "keeps images of 60 elements apart"),
        (layer1("Reshape", integers(0, 7)), "expected a shape with 60 elements per image"),
        (layer1("Reshape", integers(0, 7, -1)), "expected a shape with 60 elements per image"),
        (layer1("Reshape", integers(-1, -1)), "expected at most one -1"),
        (layer1("Reshape", integers(0, -2)), "expected dimensions >= -1"),
        (layer1("Reshape", integers(0, 0, -1), allowzero=1), "expected dimensions with elements"),
        (layer1("Cast", to=TensorProto.FLOAT16), "expected a cast to FLOAT, got FLOAT16"),
        (
            layer1("Dropout", np.array(0.5, np.float32), np.array(True)),
            "expected `training_mode` false of `Dropout`, got true",
        ),
        (
            merged(helper.make_node("GlobalAveragePool", ["m"], ["y"], name="layer1")),
            "expected the batch as the first dimension of `m`, got the batch times 3x20",
        ),
        (
            merged(
                helper.make_node("Shape", ["m"], ["s"], name="layer1"),
                helper.make_node("Reshape", ["x", "s"], ["y"]),
            ),
            "expected a shape of known extents, got the symbolic batch times an extent",
        ),
        (
            merged(helper.make_node("Softmax", ["m"], ["y"], name="layer1", axis=0)),
            "expected a Softmax along an axis of one image",
        ),
        (
            network([
                helper.make_node("Shape", ["x"], ["s"]),
                helper.make_node("Mul", ["s", "s"], ["m"], name="layer1"),
                helper.make_node("Reshape", ["x", "m"], ["y"]),
            ]),
            "expected numbers in `s`, got the symbolic batch",
        ),
        (
            network([
                helper.make_node("Shape", ["x"], ["s"]),
                helper.make_node("Gather", ["s", "i"], ["m"]),
                helper.make_node("Reshape", ["x", "m"], ["y"], name="layer1"),
            ], i=integers(1, 0, 2, 3)),
            r"expected the batch as the first dimension, got \[3, batch, 4, 5\]",
        ),
        (
            network([
                helper.make_node("Flatten", ["x"], ["f"]),
                helper.make_node("Reshape", ["x", "f"], ["y"], name="layer1"),
            ]),
            "expected a constant as input 1, got the computed tensor `f`",
        ),
    ],
)  # fmt: skip
def test_moves_that_cannot_be_imported_are_refused(
    tmp_path: Path, model: onnx.ModelProto, message: str
) -> None:
    with pytest.raises(UserError, match=f"layer `layer1`: .*({message})"):
        imported(tmp_path, model)


def test_an_output_with_a_merged_batch_is_refused(tmp_path: Path) -> None:
    model = network([helper.make_node("Flatten", ["x"], ["y"], axis=2)])
    with pytest.raises(UserError, match="the batch as the first dimension of output `y`, got"):
        imported(tmp_path, model)
