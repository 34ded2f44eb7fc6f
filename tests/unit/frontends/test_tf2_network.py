"""Networks described in TF2's terms, layer by layer."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from naive_reference import run as run_naively

from tf2c.dialects import layout
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import scale_of
from tf2c.errors import LayerError, UserError
from tf2c.frontends.tf2 import Layer, Pooling, ScaleConflictError, build_module
from tf2c.interpreters import run_all

ONE = 1 << 20
"""An alpha that changes nothing."""


def convolution(
    channels: int, filters: int, byte: int = 0x0F, exponents: list[int] | None = None
) -> Layer:
    """Return a layer of 1x1 pixels on 4x4 images that sums shifted channels."""
    return Layer(
        channels=channels,
        extents=(4, 4),
        filters=filters,
        output_extents=(4, 4),
        weight_bytes=np.full((filters, channels, 1, 1), byte, np.uint8),
        bias=np.zeros(filters, np.int32),
        alpha=np.full(filters, ONE, np.int32),
        beta=np.zeros(filters, np.int32),
        exponents=None if exponents is None else np.array(exponents),
    )


def image(channels: int) -> npt.NDArray[np.int8]:
    pixels = np.random.default_rng(channels).integers(-9, 9, (3, channels, 4, 4))
    return pixels.astype(np.int8)


def test_a_shift_by_15_with_an_alpha_of_one_is_a_sum() -> None:
    module = build_module([convolution(2, 1)], (2, 4, 4))

    (result,) = run_all(module, image(2))

    assert np.array_equal(result[:, 0], image(2).sum(axis=1))


def test_maps_are_results_in_order_and_ops_have_layer_names() -> None:
    layers = [
        replace(convolution(2, 3), write_page=2),
        replace(convolution(2, 2), relu=True),
    ]

    module = build_module(layers, (2, 4, 4))

    sums, relus = run_all(module, image(2))
    assert sums.shape == (3, 3, 4, 4)
    assert np.array_equal(relus, np.maximum(sums[:, :2], 0))
    named = {layer_name(op) for op in module.walk() if op.name.startswith(("shift", "int8"))}
    assert named == {"layer 0", "layer 1"}


def test_exponents_go_with_their_channels() -> None:
    """Two layers write one page; a third reads the first half of one and all of the other."""
    layers = [
        replace(convolution(2, 16, exponents=[3] * 8 + [4] * 8), write_page=2),
        replace(convolution(2, 2, exponents=[-1, -1]), write_page=2, first_channel=16),
        replace(convolution(18, 1), read_page=2, write_page=3),
        replace(convolution(9, 1), read_page=2, write_page=3),
    ]

    module = build_module(layers, (2, 4, 4), np.array([0, 1]))

    (concat,) = (op for op in module.walk() if isinstance(op, layout.ConcatOp))
    assert scale_of(concat.output).values.tolist() == [3] * 8 + [4] * 8 + [-1] * 2
    (part,) = (op for op in module.walk() if isinstance(op, layout.SliceOp))
    assert scale_of(part.output).values.tolist() == [3] * 8 + [4]
    results = run_all(module, image(2))
    naive = [each for name, each in run_naively(module, image(2)) if name == "shift.rescale"]
    for result, expected in zip(results, naive, strict=True):
        assert np.array_equal(result, expected)


def test_operands_of_an_addition_have_one_scale() -> None:
    layers = [
        convolution(2, 2, exponents=[1, 2]),
        replace(convolution(2, 2, exponents=[1, 3]), residual=0),
    ]

    with pytest.raises(ScaleConflictError) as refusal:
        build_module(layers, (2, 4, 4))

    assert str(refusal.value) == (
        "layer `layer 1`: expected the exponents of layer 0, which it adds, 2 of channel 1, got 3"
    )
    assert refusal.value.hint is not None
    build_module([layers[0], replace(layers[1], exponents=np.array([1, 2]))], (2, 4, 4))


def test_padding_counts_as_zero_and_windows_may_reach_over_the_end() -> None:
    negative = np.full((1, 2, 4, 4), -5, np.int8)
    pooling = Layer(2, (4, 4), 2, (2, 2), pooling=Pooling(pad=0, stride=2))

    (result,) = run_all(build_module([pooling], (2, 4, 4)), negative)

    assert result.tolist() == [[[[-5, 0], [0, 0]]] * 2]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (replace(convolution(2, 2), bias=None), "expected `bias`, got none"),
        (
            replace(convolution(2, 2), weight_bytes=np.zeros((2, 2), np.uint8)),
            "expected `weight` of uint8 2x2x1x1, got uint8 2x2",
        ),
        (
            replace(convolution(2, 2), weight_bytes=np.zeros((2, 2, 3, 1), np.uint8)),
            "expected `weight` of uint8 2x2x3x3, got uint8 2x2x3x1",
        ),
        (
            replace(convolution(2, 2), weight_bytes=np.zeros((2, 2, 5, 5), np.uint8)),
            "expected a map of 0x0, got 4x4",
        ),
        (
            replace(convolution(2, 2), weight_bytes=None),
            "expected a weight with `bias`, got none",
        ),
        (
            replace(convolution(2, 2), exponents=np.zeros((1, 2), np.int8)),
            "expected 2 exponents, got 1x2",
        ),
        (
            replace(convolution(2, 2), stride=0),
            "expected a pad >= 0 and a stride >= 1, got 0 and 0",
        ),
        (
            replace(convolution(2, 2), output_extents=(0, 4)),
            "expected channels, filters and extents >= 1, got fewer",
        ),
        (
            replace(convolution(2, 2), extents=(5, 4), output_extents=(5, 4)),
            "expected channels of 5x4 on page 1, got 4x4 at 0",
        ),
        (
            replace(convolution(2, 2), residual=-1),
            "expected a layer in front of it to add, got layer -1",
        ),
        (
            Layer(2, (4, 4), 2, (4, 4), stride=2),
            "expected a stride of 1 in front of a pooling, whose own may be 2",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_layer(layer: Layer, message: str) -> None:
    with pytest.raises(LayerError) as refusal:
        build_module([layer], (2, 4, 4))

    assert str(refusal.value) == f"layer `layer 0`: {message}"


def test_the_inputs_exponents_are_as_many_as_its_channels() -> None:
    with pytest.raises(UserError, match="expected 2 exponents of the input, got 3"):
        build_module([convolution(2, 2)], (2, 4, 4), np.zeros(3, np.int8))
