"""Convolutions and poolings: every combination of attributes, against ONNX Runtime."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.onnx_comparison import (
    TOLERANCE,
    assert_equals_onnxruntime,
    operations,
    relative_error,
    run_onnxruntime,
)
from unit.onnx_models import (
    IMAGE,
    build_model,
    conv_model,
    one_layer,
    pool_model,
    random_weights,
    save_model,
)

from tf2c.dialects import graph
from tf2c.errors import UserError
from tf2c.frontends.onnx import load_onnx
from tf2c.interpreters import run

PADDINGS = st.sampled_from(["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"])
PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3)).map(list)
EXTENTS = st.tuples(st.integers(4, 9), st.integers(4, 9))


ONLY_IMPORTED = ("Dilation not supported", "padding values must be non-negative")
"""What ONNX Runtime cannot compute with SAME_UPPER and SAME_LOWER, which ONNX defines: dilated
kernels, and strides that skip pixels.
"""


def compare(model: onnx.ModelProto, extents: tuple[int, ...], shift: float = 0) -> None:
    """Compare one model with ONNX Runtime: the same numbers, or a refusal by both."""
    with TemporaryDirectory() as folder:
        path = save_model(Path(folder) / "net.onnx", model)
        images = random_weights(7, 2, *extents) + np.float32(shift)
        try:
            (expected,) = run_onnxruntime(path, images)
        except Exception as error:
            if any(message in str(error) for message in ONLY_IMPORTED):
                return
            with pytest.raises(UserError, match="layer `layer1`: "):
                load_onnx(path)
            return
        try:
            module = load_onnx(path)
        except UserError as refusal:
            assert "strides close to the kernel" in str(refusal)  # noqa: PT017
            return
        assert relative_error(run(module, images), expected) <= TOLERANCE


@given(
    extents=EXTENTS,
    kernel=PAIRS,
    strides=PAIRS,
    dilations=PAIRS,
    padding=PADDINGS,
    pads=st.lists(st.integers(0, 4), min_size=4, max_size=4),
    group=st.sampled_from([1, 2, 4]),
    multiplier=st.integers(1, 2),
    has_bias=st.booleans(),
)
def test_convolutions_equal_onnxruntime(
    extents: tuple[int, int],
    kernel: list[int],
    strides: list[int],
    dilations: list[int],
    padding: str,
    pads: list[int],
    group: int,
    multiplier: int,
    has_bias: bool,
) -> None:
    weight = random_weights(1, 4 * multiplier, 4 // group, *kernel)
    constants = [weight, random_weights(2, len(weight))] if has_bias else [weight]
    explicit: dict[str, Any] = {"pads": pads} if padding == "NOTSET" else {}
    model = one_layer(
        "Conv",
        *constants,
        extents=(4, *extents),
        strides=strides,
        dilations=dilations,
        group=group,
        auto_pad=padding,
        **explicit,
    )
    compare(model, (4, *extents))


@given(
    op_type=st.sampled_from(["MaxPool", "AveragePool"]),
    opset=st.sampled_from([10, 11, 17, 19, 21]),
    extents=EXTENTS,
    kernel=PAIRS,
    strides=PAIRS,
    padding=PADDINGS,
    pads=st.lists(st.integers(0, 2), min_size=4, max_size=4),
    ceil_mode=st.integers(0, 1),
    count_include_pad=st.integers(0, 1),
)
def test_poolings_equal_onnxruntime(
    op_type: str,
    opset: int,
    extents: tuple[int, int],
    kernel: list[int],
    strides: list[int],
    padding: str,
    pads: list[int],
    ceil_mode: int,
    count_include_pad: int,
) -> None:
    attributes: dict[str, Any] = {"pads": pads} if padding == "NOTSET" else {}
    if op_type == "AveragePool":
        attributes["count_include_pad"] = count_include_pad
    model = one_layer(
        op_type,
        opset=opset,
        extents=(2, *extents),
        kernel_shape=kernel,
        strides=strides,
        auto_pad=padding,
        ceil_mode=ceil_mode,
        **attributes,
    )
    # All pixels below zero, so that padding which took part would win.
    compare(model, (2, *extents), shift=-10)


@pytest.mark.parametrize("op_type", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_poolings_equal_onnxruntime(tmp_path: Path, op_type: str) -> None:
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", one_layer(op_type)))


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("opset", [13, 18])
def test_means_over_images_equal_onnxruntime(tmp_path: Path, opset: int, keepdims: int) -> None:
    axes = np.array([-1, 2])
    model = (
        one_layer("ReduceMean", opset=opset, axes=axes.tolist(), keepdims=keepdims)
        if opset < 18
        else one_layer("ReduceMean", axes, opset=opset, keepdims=keepdims)
    )
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", model))


@pytest.mark.parametrize("opset", [7, 8, 9])
@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool"])
def test_poolings_of_old_opsets_equal_onnxruntime(tmp_path: Path, op_type: str, opset: int) -> None:
    model = one_layer(op_type, opset=opset, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", model))


def test_padding_that_counts_becomes_zeros_in_front(tmp_path: Path) -> None:
    model = one_layer("AveragePool", kernel_shape=[3, 3], pads=[1] * 4, count_include_pad=1)
    found = operations(load_onnx(save_model(tmp_path / "net.onnx", model)))
    assert [op.name for op in found] == ["layout.pad", "graph.average_pool"]


def test_storage_order_only_concerns_indices(tmp_path: Path) -> None:
    path = save_model(tmp_path / "net.onnx", pool_model(kernel_shape=[2, 2], storage_order=1))
    (pool,) = operations(load_onnx(path))
    assert isinstance(pool, graph.MaxPoolOp)


def test_missing_strides_and_pads_have_onnx_defaults(tmp_path: Path) -> None:
    (conv,) = operations(load_onnx(save_model(tmp_path / "net.onnx", conv_model())))
    assert isinstance(conv, graph.ConvOp)
    assert conv.window.numbers == ((1, 1), (0, 0, 0, 0), (1, 1), 1)


def test_missing_strides_of_a_pooling_are_one(tmp_path: Path) -> None:
    path = save_model(tmp_path / "net.onnx", pool_model(kernel_shape=[2, 2]))
    (pool,) = operations(load_onnx(path))
    assert isinstance(pool, graph.MaxPoolOp)
    assert pool.strides.get_values() == (1, 1)


def behind_a_reshape(op_type: str, shape: list[int]) -> onnx.ModelProto:
    nodes = [
        onnx.helper.make_node("Reshape", ["x", "shape"], ["volume"]),
        onnx.helper.make_node(op_type, ["volume"], ["y"], name="layer1"),
    ]
    return build_model(nodes, {"shape": np.array(shape)})


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (conv_model(random_weights(0, 3, 2, 7, 7)), "7x7"),
        (conv_model(random_weights(0, 3, 5, 3, 3)), "channels"),
        (conv_model(strides=[0, 1]), "expected two `strides` >= 1, got"),
        (conv_model(dilations=[1, 0]), "expected two `dilations` >= 1, got"),
        (conv_model(pads=[-1, 0, 0, 0]), "expected four `pads` >= 0, got"),
        (conv_model(pads=[1, 1]), "expected four `pads` >= 0, got"),
        (
            conv_model(kernel_shape=[5, 5]),
            r"expected `kernel_shape` \[3, 3\], as its weights have, got \[5, 5\]",
        ),
        (conv_model(group=0), "expected `group` >= 1, got 0"),
        (conv_model(group=2), "expected `group` to divide 2 channels and 3 filters, got 2"),
        (conv_model(auto_pad="SAME"), "expected `auto_pad` NOTSET, .*, got SAME"),
        (conv_model(random_weights(0, 3, 2, 3)), "expected a 2-d kernel, got 1-d"),
        (conv_model(random_weights(0, 3, 2, 3, 3, 3)), "expected a 2-d kernel, got 3-d"),
        (
            behind_a_reshape("GlobalMaxPool", [0, 2, 36]),
            r"expected a GlobalMaxPool of images NxCxHxW, got \?x2x36",
        ),
        (
            behind_a_reshape("GlobalAveragePool", [0, 2, 3, 3, 4]),
            r"expected a GlobalAveragePool of images NxCxHxW, got \?x2x3x3x4",
        ),
        (
            pool_model(kernel_shape=[1, 1], strides=[1, 3], auto_pad="SAME_LOWER"),
            "expected `auto_pad` with strides close to the kernel, got 3 for 1",
        ),
        (pool_model(kernel_shape=[7, 7]), "7x7"),
        (pool_model(kernel_shape=[2, 2], pads=[2, 0, 0, 0]), "expected `pads` smaller than the"),
        (pool_model(kernel_shape=[2]), "expected a 2-d kernel, got 1-d"),
        (pool_model(kernel_shape=[0, 2]), "expected two `kernel_shape` extents >= 1"),
        (pool_model(kernel_shape=[2, 2], dilations=[2, 2]), "expected `dilations`"),
        (
            one_layer("AveragePool", opset=19, kernel_shape=[2, 2], dilations=[2, 1]),
            r"expected `dilations` \[1, 1\] of `AveragePool`, got \[2, 1\]",
        ),
        (
            one_layer("AveragePool", kernel_shape=[2, 2], pads=[0, 2, 0, 0], count_include_pad=1),
            "expected `pads` smaller than the kernel",
        ),
        (one_layer("ReduceMean", axes=[1]), "expected `ReduceMean` over the axes 2 and 3, got"),
        (one_layer("ReduceMean"), "expected `ReduceMean` over the axes 2 and 3, got all axes"),
    ],
)
def test_windows_that_cannot_be_imported_are_refused(
    tmp_path: Path, model: onnx.ModelProto, message: str
) -> None:
    with pytest.raises(UserError, match=f"layer `layer1`: .*{message}"):
        load_onnx(save_model(tmp_path / "net.onnx", model))


def test_images_are_compared_below_zero() -> None:
    # The property test's shift makes padding visible: no pixel of its images is positive.
    assert (random_weights(7, 2, *IMAGE) - 10).max() < 0
