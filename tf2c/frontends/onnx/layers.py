"""ONNX's ops with weights: convolutions, fully connected layers and normalizations."""

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import SSAValue

from tf2c.dialects import graph, tensors
from tf2c.dialects.tensors import dimension_text, i64_array
from tf2c.dialects.windows import ConvolutionWindow
from tf2c.frontends.onnx.node import Layer
from tf2c.frontends.onnx.windows import expect_two_dimensional, image_input, resolved_pads, steps


def conv(layer: Layer) -> SSAValue:
    """`Conv`."""
    weight = layer.array(1)
    expect_two_dimensional(layer, layer.integers("kernel_shape", weight.shape[2:]))
    image, extents = image_input(layer)
    weight = layer.filters(1, rank=4)
    kernel = [*weight.shape[2:]]
    if layer.integers("kernel_shape", kernel) != kernel:
        raise layer.refusal(
            f"expected `kernel_shape` {kernel}, as its weights have, got "
            f"{layer.integers('kernel_shape', kernel)}",
            "export the model again",
        )
    group = layer.integer("group", 1)
    if group < 1:
        raise layer.refusal(f"expected `group` >= 1, got {group}")
    dilations = steps(layer, "dilations")
    covered = [(size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True)]
    window = ConvolutionWindow(
        i64_array(steps(layer, "strides")),
        i64_array(resolved_pads(layer, extents, covered)),
        i64_array(dilations),
        IntegerAttr(group, i64),
    )
    bias = layer.constant(layer.weight(2, rank=1)) if layer.has_input(2) else None
    return layer.insert(graph.ConvOp(image, layer.constant(weight), bias, window=window))


def gemm(layer: Layer) -> SSAValue:
    """`Gemm`: `alpha`, `beta` and a transposition become part of the weights."""
    layer.expect("transA", 0, 0)
    rows = _rows(layer)
    weight = layer.filters(1, rank=2, factor=layer.real("alpha", 1.0))
    if not layer.integer("transB", 0):
        weight = weight.T
    bias = layer.constant(_gemm_bias(layer, filters=len(weight))) if layer.has_input(2) else None
    return layer.insert(graph.GemmOp(rows, layer.constant(weight), bias))


def _rows(layer: Layer) -> SSAValue:
    if not layer.is_constant(0):
        layer.movable(1)  # a product of two tensors lacks weights rather than rows
    rows = layer.tensor(0)
    if len(tensors.shape(rows)) != 2:
        raise layer.refusal(
            f"expected one row per image, got {dimension_text(tensors.shape(rows))}",
            "put a Flatten in front",
        )
    return rows


def _gemm_bias(layer: Layer, filters: int) -> npt.NDArray[np.float32]:
    """Return the bias `[M]`, which ONNX lets broadcast from a scalar, `[1]`, `[M]` or `[1, M]`."""
    rank = layer.array(2).ndim
    bias = layer.weight(2, rank=rank, factor=layer.real("beta", 1.0))
    if rank > 2 or bias.shape[:-1] not in ((), (1,)) or bias.size not in (1, filters):
        raise layer.refusal(
            f"expected a bias of {filters} elements, got {'x'.join(map(str, bias.shape))}"
        )
    return np.array(np.broadcast_to(bias.reshape(-1), (filters,)))


def matmul(layer: Layer) -> SSAValue:
    """`MatMul` of rows with a constant: a fully connected layer without bias."""
    rows = _rows(layer)
    return layer.insert(graph.GemmOp(rows, layer.constant(layer.filters(1, rank=2).T)))


def batch_normalization(layer: Layer) -> SSAValue:
    """`BatchNormalization` with trained statistics."""
    # Before opset 14, further outputs are what says that the op is training.
    training = layer.integer("training_mode", 0) or any(layer.outputs[1:])
    if training:
        raise layer.refusal(
            "expected `BatchNormalization` with trained statistics, got training mode",
            "export the model for inference",
        )
    layer.expect("spatial", 1, 1)
    epsilon = layer.real("epsilon", 1e-5)
    image = layer.tensor(0)
    scale, bias, mean, variance = (layer.weight(index, rank=1) for index in range(1, 5))
    if not (variance + epsilon).min() > 0:
        raise layer.refusal(
            f"expected positive variances, got {variance.min():g}", "export the model again"
        )
    return layer.insert(
        graph.BatchNormalizationOp(
            image,
            layer.constant(scale),
            layer.constant(bias),
            layer.constant(mean),
            layer.constant(variance),
            epsilon,
        )
    )


def lrn(layer: Layer) -> SSAValue:
    """`LRN`."""
    image, _ = image_input(layer)
    size = layer.integer("size", 0)
    if size < 1:
        raise layer.refusal(f"expected `size` >= 1, got {size}")
    return layer.insert(
        graph.LrnOp(
            image,
            size,
            layer.real("alpha", 1e-4),
            layer.real("beta", 0.75),
            layer.real("bias", 1.0),
        )
    )
