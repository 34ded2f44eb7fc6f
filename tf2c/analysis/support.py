"""What the levels below `graph` can do, and what to do about the rest.

One list of reasons, used by the passes that refuse and by `tf2c check`, which asks beforehand.
"""

from xdsl.dialects.builtin import i8
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Operation, SSAValue

from tf2c.dialects import graph, int8, layout, shift, tensors
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import Pow2Attr, scale_of, ui8
from tf2c.errors import LayerError, UserError

_FLOAT_ONLY: dict[type[Operation], tuple[str, str]] = {
    graph.LrnOp: (
        "local response normalization exists in floating point only",
        "compile with `--leave-out lrn`, if the network is as good without",
    ),
    graph.SoftmaxOp: (
        "a softmax inside the network exists in floating point only",
        "cut the network in front of it with `--outputs`",
    ),
}

_BEFORE_INT8 = (
    graph.AddOp,
    graph.ReluOp,
    graph.ClipOp,
    graph.BatchNormalizationOp,
)


def refused_below_graph(op: Operation) -> LayerError | None:
    """Return why an op of `graph` has no int8 form, or None where it has one."""
    if type(op) in _FLOAT_ONLY:
        reason, remedy = _FLOAT_ONLY[type(op)]
        return LayerError(layer_name(op), reason, remedy)
    if isinstance(op, _BEFORE_INT8):
        return LayerError(
            layer_name(op),
            f"`{op.name}` has no int8 form on its own",
            "run the passes of the graph stage first",
        )
    return None


_TO_SHIFT = "stop before the engine with `--to shift`: the interpreter runs it"


def _refused_of_tf2(op: Operation) -> tuple[str, str] | None:
    """Return reason and remedy if an op computes as TF2 does where our engine does not."""
    match op:
        case shift.ConstantOp() if shift.has_bytes(op.output):
            reason = "the engine's lanes take weight codes of 4 bits, these are bytes of TF2"
        case shift.ConvOp() | shift.GemmOp() if shift.has_bytes(op.weight):
            reason = "the engine's lanes take weight codes of 4 bits, these are bytes of TF2"
        case shift.RescaleOp():
            reason = "the engine multiplies by numbers of 16 bits, not by alpha and beta of TF2"
        case int8.AddOp():
            reason = "the engine adds a residual to accumulators, not two stored tensors"
        case int8.MaxPoolOp() if op.zero_padded is not None:
            reason = "the engine's poolings leave padding out, these take it for zeros"
        case int8.AveragePoolOp() if op.factor is not None:
            reason = "the engine averages by the factor of the scales, this has one of its own"
        case _ if any(_has_scale_per_channel(value) for value in (*op.operands, *op.results)):
            reason = "the engine stores tensors of one scale, these have one per channel"
        case _:
            return None
    return reason, _TO_SHIFT


def _has_scale_per_channel(value: SSAValue) -> bool:
    """Whether an 8-bit tensor of images has a scale per channel."""
    kind = tensors.tensor_type(value)
    is_stored = kind.element_type in (i8, ui8) and isinstance(kind.encoding, Pow2Attr)
    return is_stored and scale_of(value).axis.data == 1


def refused_on_engine(op: Operation) -> UserError | None:
    """Return why an engine cannot do an op of `int8`, `shift` or `layout`, or None where it can."""
    reason_and_remedy = _refused_of_tf2(op)
    if reason_and_remedy is not None:
        pass
    elif any(
        tensors.tensor_type(value).element_type == ui8 for value in (*op.operands, *op.results)
    ):
        reason_and_remedy = (
            "the engine's lanes take signed numbers, these are ui8",
            "compile with `--activations int8`, or stop before the engine with `--to shift`",
        )
    match op:
        case int8.ConvOp() | int8.GemmOp():
            reason_and_remedy = (
                "the engine's lanes shift, they do not multiply by int8 weights",
                "compile with `--weights shift1`, or stop before the engine with `--to int8`",
            )
        case int8.AveragePoolOp() if len(op.pixel_counts) > 1:
            counts = op.pixel_counts
            reason_and_remedy = (
                "the engine averages windows of equally many real pixels only, these have "
                f"{counts[0]} to {counts[-1]}",
                "export the network with `count_include_pad`, or stop with `--to shift`",
            )
        case layout.TransposeOp():
            reason_and_remedy = (
                "the engine keeps channels first and transposes nothing",
                "cut the network in front of it with `--outputs`",
            )
        case layout.ReshapeOp() if len(tensors.shape(op.output)) > 4:
            reason_and_remedy = (
                "the engine's tensors have at most four dimensions",
                "cut the network in front of it with `--outputs`",
            )
        case ReturnOp() if len(op.arguments) != 1:
            return UserError(
                f"expected a network with one result, got {len(op.arguments)}",
                hint="choose one with `--outputs`, or stop before the engine with `--to shift`",
            )
        case _:
            pass
    if reason_and_remedy is None:
        return None
    reason, remedy = reason_and_remedy
    return LayerError(layer_name(op), reason, remedy)
