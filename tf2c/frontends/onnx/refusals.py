"""What to do about ops that are not imported."""

from tf2c.frontends.onnx.file import DEFAULT_DOMAINS
from tf2c.frontends.onnx.node import REFERENCE, Layer, LayerRefusedError

_FLOAT_MODEL = "give the float model: tf2c quantizes it itself"
_OTHER_ACTIVATION = "train with Relu or a bounded Relu (Clip) instead"
_STATIC = "export the model for inference on a fixed image size, without control flow"
_ENLARGING = "tf2c computes networks that do not enlarge images"
_SEQUENCE = "tf2c computes convolutional networks on images"

REMEDIES: dict[str, str] = {
    **dict.fromkeys(
        (
            "Celu", "Elu", "Erf", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "PRelu",
            "Selu", "Sigmoid", "Softplus", "Softsign", "Swish", "Tanh", "ThresholdedRelu",
        ),
        _OTHER_ACTIVATION,
    ),
    **dict.fromkeys(
        (
            "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger",
            "QLinearConv", "QLinearMatMul", "QuantizeLinear",
        ),
        _FLOAT_MODEL,
    ),
    **dict.fromkeys(("If", "Loop", "Scan"), _STATIC),
    **dict.fromkeys(
        (
            "ConcatFromSequence", "OptionalGetElement", "OptionalHasElement", "Optional",
            "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert",
            "SequenceLength", "SequenceMap", "SplitToSequence",
        ),
        _STATIC,
    ),
    **dict.fromkeys(("ConvTranspose", "MaxUnpool", "Resize", "Upsample"), _ENLARGING),
    **dict.fromkeys(("GRU", "LSTM", "RNN", "Attention"), _SEQUENCE),
    "Split": "write it as one Slice per part",
    "LogSoftmax": "end the network in front of it with `--outputs`: the best class stays the same",
}  # fmt: skip
"""By ONNX op type."""


def unsupported(layer: Layer) -> LayerRefusedError:
    """Return the refusal of a layer whose op has no converter."""
    if layer.domain not in DEFAULT_DOMAINS:
        remedy = _FLOAT_MODEL if layer.op_type.startswith("QLinear") else None
        return layer.refusal(
            f"op `{layer.op_type}` of domain `{layer.domain}` is not supported",
            remedy or "export the model with the ops of ONNX's own domain",
        )
    fallback = REFERENCE
    ends = [name for name in layer.inputs if name and layer.can_end(name)]
    if ends:
        names = ", ".join(f"`{name}`" for name in ends)
        fallback += f"; if it is post-processing, end the network at {names} with `--outputs`"
    return layer.refusal(
        f"op `{layer.op_type}` is not supported", REMEDIES.get(layer.op_type, fallback)
    )
