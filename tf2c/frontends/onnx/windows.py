"""Windows of ONNX's convolutions and poolings: `auto_pad`, `ceil_mode` and defaults resolved."""

from collections.abc import Sequence

from xdsl.ir import SSAValue

from tf2c.dialects import graph, layout, tensors
from tf2c.dialects.tensors import i64_array
from tf2c.dialects.windows import PoolingWindow
from tf2c.frontends.onnx.node import Layer

NO_PADS = [0, 0, 0, 0]


def image_input(layer: Layer) -> tuple[SSAValue, list[int]]:
    """Return a layer's image and its `(H, W)`."""
    image = layer.tensor(0)
    if len(tensors.shape(image)) != 4:
        raise layer.refusal(
            f"expected a {layer.op_type} of images NxCxHxW, got "
            f"{tensors.dimension_text(tensors.shape(image))}",
            "1-d and 3-d ones are not supported: add or remove an axis",
        )
    return image, [*tensors.extents(image)[1:]]


def steps(layer: Layer, name: str) -> list[int]:
    """Return `strides` or `dilations`, which are 1 by default."""
    values = layer.integers(name, (1, 1))
    if len(values) != 2 or min(values) < 1:
        raise layer.refusal(f"expected two `{name}` >= 1, got {values}")
    return values


def expect_two_dimensional(layer: Layer, kernel: Sequence[int]) -> None:
    """Refuse kernels of volumes and sequences."""
    if len(kernel) != 2:
        raise layer.refusal(f"expected a 2-d kernel, got {len(kernel)}-d")
    if min(kernel) < 1:
        raise layer.refusal(f"expected two `kernel_shape` extents >= 1, got {list(kernel)}")


def resolved_pads(layer: Layer, image: Sequence[int], covered: Sequence[int]) -> list[int]:
    """Return the `(top, left, bottom, right)` that a layer's `auto_pad` or `pads` stand for.

    Args:
        layer: a convolution or pooling.
        image: `(H, W)`.
        covered: extents of the kernel with its dilations.
    """
    mode = layer.text("auto_pad", "NOTSET")
    if mode in ("NOTSET", ""):
        pads = layer.integers("pads", NO_PADS)
        if len(pads) != 4 or min(pads) < 0:
            raise layer.refusal(f"expected four `pads` >= 0, got {pads}")
        return pads
    if mode == "VALID":
        return NO_PADS
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise layer.refusal(
            f"expected `auto_pad` NOTSET, VALID, SAME_UPPER or SAME_LOWER, got {mode}"
        )
    before: list[int] = []
    behind: list[int] = []
    for extent, size, stride in zip(image, covered, steps(layer, "strides"), strict=True):
        # As many windows as strides begin in the image.
        windows = -(-extent // stride)
        total = (windows - 1) * stride + size - extent
        if total < -1:
            # Pixels in front or behind would be skipped, and implementations differ in which.
            raise layer.refusal(
                f"expected `auto_pad` with strides close to the kernel, got {stride} for {size}",
                "export the model with explicit `pads`",
            )
        total = max(total, 0)
        # An odd pixel goes behind with SAME_UPPER, in front with SAME_LOWER.
        before.append((total + (mode == "SAME_LOWER")) // 2)
        behind.append(total - before[-1])
    return before + behind


def _kernel(layer: Layer) -> list[int]:
    kernel = layer.integers("kernel_shape", ())
    expect_two_dimensional(layer, kernel)
    # A dilated pooling would look at pixels far apart; no common network has one.
    layer.expect("dilations", [1, 1], [1, 1])
    return kernel


def _ceiled_pads(
    layer: Layer, image: Sequence[int], kernel: Sequence[int], pads: Sequence[int]
) -> list[int]:
    """Return the pads with which rounding down makes the windows of `ceil_mode`.

    A last window that is cut off by the border counts, unless it begins behind the image and the
    padding in front, as ONNX Runtime has it.
    """
    if not layer.integer("ceil_mode", 0):
        return list(pads)
    ceiled = list(pads)
    for axis, (extent, size, stride) in enumerate(
        zip(image, kernel, steps(layer, "strides"), strict=True)
    ):
        padded = extent + pads[axis] + pads[axis + 2]
        last = -(-(padded - size) // stride)
        if last * stride >= extent + pads[axis]:
            last -= 1
        ceiled[axis + 2] = max(last * stride + size - extent - pads[axis], pads[axis + 2])
    return ceiled


def _window(layer: Layer, kernel: Sequence[int], pads: Sequence[int]) -> PoolingWindow:
    return PoolingWindow(i64_array(kernel), i64_array(steps(layer, "strides")), i64_array(pads))


def max_pool(layer: Layer) -> SSAValue:
    """`MaxPool`; the layout of the indices does not matter, as nobody may use them."""
    image, extents = image_input(layer)
    kernel = _kernel(layer)
    pads = _ceiled_pads(layer, extents, kernel, resolved_pads(layer, extents, kernel))
    return layer.insert(graph.MaxPoolOp(image, _window(layer, kernel, pads)))


def average_pool(layer: Layer) -> SSAValue:
    """`AveragePool`; padding that counts becomes zeros in front of the op, which only skips it."""
    image, extents = image_input(layer)
    kernel = _kernel(layer)
    pads = resolved_pads(layer, extents, kernel)
    ceiled = _ceiled_pads(layer, extents, kernel, pads)
    if layer.integer("count_include_pad", 0) and any(pads):
        if any(pad >= size for pad, size in zip(pads, kernel * 2, strict=True)):
            raise layer.refusal(f"expected `pads` smaller than the kernel {kernel}, got {pads}")
        top, left, bottom, right = pads
        image = layer.insert(layout.PadOp(image, (0, top, left), (0, bottom, right)))
        # What `ceil_mode` adds beyond does not count.
        ceiled = [ceil - pad for ceil, pad in zip(ceiled, pads, strict=True)]
    return layer.insert(graph.AveragePoolOp(image, _window(layer, kernel, ceiled)))


def _whole_image(extents: Sequence[int]) -> PoolingWindow:
    return PoolingWindow(i64_array(extents))


def global_max_pool(layer: Layer) -> SSAValue:
    """`GlobalMaxPool`: one window."""
    image, extents = image_input(layer)
    return layer.insert(graph.MaxPoolOp(image, _whole_image(extents)))


def global_average_pool(layer: Layer) -> SSAValue:
    """`GlobalAveragePool`: one window."""
    image, extents = image_input(layer)
    return layer.insert(graph.AveragePoolOp(image, _whole_image(extents)))


def reduce_mean(layer: Layer) -> SSAValue:
    """`ReduceMean` over height and width, which is how some exporters write a global pooling."""
    image, extents = image_input(layer)
    axes = layer.parameter("axes", 1, since=18)
    if axes is None or sorted(layer.axis(axis, 4) for axis in axes) != [2, 3]:
        raise layer.refusal(
            f"expected `ReduceMean` over the axes 2 and 3, got {axes or 'all axes'}",
            "means over other axes are not supported",
        )
    pooled = layer.insert(graph.AveragePoolOp(image, _whole_image(extents)))
    return pooled if layer.integer("keepdims", 1) else layer.insert(layout.flatten(pooled))
