"""The table of converters: what each ONNX op becomes in `graph` and `layout`.

A converter reads a layer's attributes and inputs, inserts ops, and returns the value that the
layer's first output stands for. What it does not support it refuses by the layer's name, with a
remedy. Layers whose inputs are all constants are computed by `constants.py` instead.
"""

from collections.abc import Callable
from typing import Any

import numpy.typing as npt
from xdsl.ir import SSAValue

from tf2c.frontends.onnx import (
    elementwise,
    layers,
    layout,
    reshape,
    windows,
)
from tf2c.frontends.onnx.node import Layer, Merged

Converter = Callable[[Layer], SSAValue | Merged | npt.NDArray[Any]]

CONVERTERS: dict[str, Converter] = {
    "Add": elementwise.add,
    "AveragePool": windows.average_pool,
    "BatchNormalization": layers.batch_normalization,
    "Cast": layout.cast,
    "Clip": elementwise.clip,
    "Concat": layout.concat,
    "Conv": layers.conv,
    "Div": elementwise.divide,
    "Dropout": layout.dropout,
    "Flatten": reshape.flatten,
    "Gemm": layers.gemm,
    "GlobalAveragePool": windows.global_average_pool,
    "GlobalMaxPool": windows.global_max_pool,
    "Identity": layout.identity,
    "LRN": layers.lrn,
    "MatMul": layers.matmul,
    "MaxPool": windows.max_pool,
    "Mul": elementwise.multiply,
    "Pad": layout.pad,
    "ReduceMean": windows.reduce_mean,
    "Relu": elementwise.relu,
    "Reshape": reshape.reshape,
    "Shape": reshape.shape,
    "Slice": layout.slice_,
    "Softmax": elementwise.softmax,
    "Squeeze": reshape.squeeze,
    "Sub": elementwise.subtract,
    "Sum": elementwise.add,
    "Transpose": layout.transpose,
    "Unsqueeze": reshape.unsqueeze,
}
"""By ONNX op type; whatever is missing is refused by its layer's name."""
