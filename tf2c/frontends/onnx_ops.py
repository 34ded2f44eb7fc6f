"""The table of converters: what each ONNX op becomes in `graph` and `layout`.

A converter reads a layer's attributes and inputs, inserts ops, and returns the value that the
layer's first output stands for. What it does not support it refuses by the layer's name, with a
remedy. Layers whose inputs are all constants are computed by `onnx_constants.py` instead.
"""

from collections.abc import Callable
from typing import Any

import numpy.typing as npt
from xdsl.ir import SSAValue

from tf2c.frontends import (
    onnx_elementwise,
    onnx_layers,
    onnx_layout,
    onnx_reshape,
    onnx_windows,
)
from tf2c.frontends.onnx_layer import Layer, Merged

Converter = Callable[[Layer], SSAValue | Merged | npt.NDArray[Any]]

CONVERTERS: dict[str, Converter] = {
    "Add": onnx_elementwise.add,
    "AveragePool": onnx_windows.average_pool,
    "BatchNormalization": onnx_layers.batch_normalization,
    "Cast": onnx_layout.cast,
    "Clip": onnx_elementwise.clip,
    "Concat": onnx_layout.concat,
    "Conv": onnx_layers.conv,
    "Div": onnx_elementwise.divide,
    "Dropout": onnx_layout.dropout,
    "Flatten": onnx_reshape.flatten,
    "Gemm": onnx_layers.gemm,
    "GlobalAveragePool": onnx_windows.global_average_pool,
    "GlobalMaxPool": onnx_windows.global_max_pool,
    "Identity": onnx_layout.identity,
    "LRN": onnx_layers.lrn,
    "MatMul": onnx_layers.matmul,
    "MaxPool": onnx_windows.max_pool,
    "Mul": onnx_elementwise.multiply,
    "Pad": onnx_layout.pad,
    "ReduceMean": onnx_windows.reduce_mean,
    "Relu": onnx_elementwise.relu,
    "Reshape": onnx_reshape.reshape,
    "Shape": onnx_reshape.shape,
    "Slice": onnx_layout.slice_,
    "Softmax": onnx_elementwise.softmax,
    "Squeeze": onnx_reshape.squeeze,
    "Sub": onnx_elementwise.subtract,
    "Sum": onnx_elementwise.add,
    "Transpose": onnx_layout.transpose,
    "Unsqueeze": onnx_reshape.unsqueeze,
}
"""By ONNX op type; whatever is missing is refused by its layer's name."""
