"""Well-known networks with random weights, for where trained ones cannot be had."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

IR_VERSION = 10


def light_model(name: str, seed: int = 0) -> onnx.ModelProto:
    """Make a well-known network of the `onnx` package's, which come without weights.

    Args:
        name: such as `resnet50`.
        seed: of the weights, which keep the numbers of all layers at about the same size.
    """
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    model = onnx.load_model(  # pyright: ignore[reportUnknownMemberType]
        folder / f"light_{name}.onnx"
    )
    network = model.graph
    shapes = {each.name: numpy_helper.to_array(each) for each in network.initializer}
    readers = {
        tensor: (node.op_type, index)
        for node in network.node
        for index, tensor in enumerate(node.input)
    }
    generator = np.random.default_rng(seed)
    layers: list[onnx.NodeProto] = []
    for node in network.node:
        if node.op_type != "ConstantOfShape":
            layers.append(node)
            continue
        reader, index = readers[node.output[0]]
        array = _light_weight(generator, reader, index, shapes[node.input[0]].tolist())
        network.initializer.append(numpy_helper.from_array(array, node.output[0]))
    del network.node[:]
    network.node.extend(layers)
    model.ir_version = IR_VERSION
    return model


def _light_weight(
    generator: np.random.Generator, reader: str, index: int, shape: list[int]
) -> npt.NDArray[np.float32]:
    if reader == "BatchNormalization" and index in (1, 4):
        return generator.uniform(0.8, 1.2, shape).astype(np.float32)
    if len(shape) == 1:
        return (0.05 * generator.standard_normal(shape, np.float32)).astype(np.float32)
    gain = 2 / np.prod(shape[1:])
    return (gain**0.5 * generator.standard_normal(shape, np.float32)).astype(np.float32)
