"""Shapes behind a refused layer, by ONNX's own shape inference, so that a survey can go on."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper
from xdsl.ir import SSAValue

from tf2c.dialects import tensors
from tf2c.frontends.onnx.node import Layer, Value

BATCH_NAME = "tf2c_batch"

SMALL_CONSTANT = 1024
"""Bytes of a constant that may be a shape, whose elements inference wants to look at."""


def inferred_extents(layer: Layer) -> dict[str, tuple[int, ...]]:
    """Return the extents of a layer's float outputs that certainly have the batch first."""
    values = {name: layer.shared.values[name] for name in layer.inputs if name}
    try:
        schema = onnx.defs.get_schema(layer.op_type, layer.opset, layer.domain)
        types = onnx.shape_inference.infer_node_outputs(
            schema,
            layer.node,
            {name: _type(value) for name, value in values.items()},
            _small_constants(values),
            opset_imports=[helper.make_opsetid("", layer.opset)],
        )
    except (onnx.defs.SchemaError, onnx.shape_inference.InferenceError, RuntimeError):
        return {}
    extents: dict[str, tuple[int, ...]] = {}
    for name, kind in types.items():
        tensor = kind.tensor_type
        if tensor.elem_type != onnx.TensorProto.FLOAT or len(tensor.shape.dim) < 2:
            continue
        batch, *rest = tensor.shape.dim
        is_batched = batch.dim_param == BATCH_NAME or batch.dim_value == layer.shared.batch
        if is_batched and min(each.dim_value for each in rest) > 0:
            extents[name] = tuple(each.dim_value for each in rest)
    return extents


def _type(value: Value) -> onnx.TypeProto:
    """Return what is known about an input."""
    if isinstance(value, np.ndarray):
        # A shape with a symbolic batch is one of integers.
        dtype = np.dtype(np.int64) if value.dtype == np.object_ else value.dtype
        element = helper.np_dtype_to_tensor_dtype(dtype)
        return helper.make_tensor_type_proto(element, value.shape)
    if isinstance(value, SSAValue):
        shape = [BATCH_NAME, *tensors.extents(value)]
        return helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, shape)
    return helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, None)


def _small_constants(values: Mapping[str, Value]) -> dict[str, onnx.TensorProto]:
    return {
        name: numpy_helper.from_array(value, name)
        for name, value in values.items()
        if isinstance(value, np.ndarray)
        and value.dtype != np.object_
        and value.nbytes <= SMALL_CONSTANT
    }
