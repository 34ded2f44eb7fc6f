"""What networks ask of an engine, and what to do where it lacks that.

What an engine can do are flags (`engine_structure.CAPABILITIES`). Here is what each op asks for,
and a reason and a remedy for what is missing, used by the passes that refuse and by `tf2c check`,
which asks beforehand.
"""

from collections.abc import Collection, Iterator

from xdsl.dialects.builtin import i8
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Operation, SSAValue

from tf2c.dialects import graph, int8, layout, shift, tensors
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import Pow2Attr, scale_of, ui8
from tf2c.engine_structure import CAPABILITIES, Capability
from tf2c.errors import LayerError, UserError

_BEFORE_INT8 = (
    graph.AddOp,
    graph.ReluOp,
    graph.ClipOp,
    graph.BatchNormalizationOp,
)

_TO_SHIFT = "stop before the engine with `--to shift`: the interpreter runs it"

_CUT = "cut the network in front of it with `--outputs`"

_WITHOUT: dict[Capability, tuple[str, str]] = {
    Capability.INT8_WEIGHTS: (
        "the engine's lanes shift, they do not multiply by int8 weights",
        "compile with `--weights shift1`, or stop before the engine with `--to int8`",
    ),
    Capability.WEIGHT_BYTES: (
        "the engine's lanes take weight codes of 4 bits, these are bytes of TF2",
        _TO_SHIFT,
    ),
    Capability.UI8: (
        "the engine's lanes take signed numbers, these are ui8",
        "compile with `--activations int8`, or stop before the engine with `--to shift`",
    ),
    Capability.CHANNEL_SCALES: (
        "the engine stores tensors of one scale, these have one per channel",
        _TO_SHIFT,
    ),
    Capability.RESCALING: (
        "the engine multiplies by numbers of 16 bits, not by alpha and beta of TF2",
        _TO_SHIFT,
    ),
    Capability.STORED_SUMS: (
        "the engine adds a residual to accumulators, not two stored tensors",
        _TO_SHIFT,
    ),
    Capability.ZERO_PADDED_MAXIMA: (
        "the engine's poolings leave padding out, these take it for zeros",
        _TO_SHIFT,
    ),
    Capability.FREE_MEANS: (
        "the engine averages by the factor of the scales, this has one of its own",
        _TO_SHIFT,
    ),
    Capability.EDGE_MEANS: (
        "the engine averages windows of equally many real pixels only",
        "export the network with `count_include_pad`, or stop with `--to shift`",
    ),
    Capability.TRANSPOSITIONS: ("the engine keeps channels first and transposes nothing", _CUT),
    Capability.LOCAL_RESPONSE_NORMALIZATION: (
        "local response normalization exists in floating point only",
        "compile with `--leave-out lrn`, if the network is as good without",
    ),
    Capability.SOFTMAX: ("a softmax inside the network exists in floating point only", _CUT),
    Capability.FIVE_DIMENSIONS: ("the engine's tensors have at most four dimensions", _CUT),
}
"""Reason and remedy where an engine lacks what an op asks for."""

_FLOAT_ONLY = (Capability.LOCAL_RESPONSE_NORMALIZATION, Capability.SOFTMAX)
"""What no level below `graph` has either."""


def _has_scale_per_channel(value: SSAValue) -> bool:
    """Whether an 8-bit tensor of images has a scale per channel."""
    kind = tensors.tensor_type(value)
    is_stored = kind.element_type in (i8, ui8) and isinstance(kind.encoding, Pow2Attr)
    return is_stored and scale_of(value).axis.data == 1


def _asked_by_kind(op: Operation) -> Iterator[Capability]:
    match op:
        case int8.ConvOp() | int8.GemmOp():
            yield Capability.INT8_WEIGHTS
        case shift.ConstantOp() if shift.has_bytes(op.output):
            yield Capability.WEIGHT_BYTES
        case shift.ConvOp() | shift.GemmOp():
            if shift.has_bytes(op.weight):
                yield Capability.WEIGHT_BYTES
            elif shift.code_terms(op.weight) > 1:
                yield Capability.TWO_TERMS
            if isinstance(op, shift.ConvOp) and op.group.value.data > 1:
                yield Capability.GROUPS
        case shift.RescaleOp():
            yield Capability.RESCALING
        case int8.RequantizeOp() if op.residual is not None:
            yield Capability.RESIDUALS
        case int8.AddOp():
            yield Capability.STORED_SUMS
        case int8.MaxPoolOp():
            is_padded_by_zeros = op.zero_padded is not None
            yield Capability.ZERO_PADDED_MAXIMA if is_padded_by_zeros else Capability.MAXIMA
        case int8.AveragePoolOp():
            if op.factor is not None:
                yield Capability.FREE_MEANS
            yield Capability.EDGE_MEANS if len(op.pixel_counts) > 1 else Capability.MEANS
        case layout.TransposeOp():
            yield Capability.TRANSPOSITIONS
        case layout.ReshapeOp() if len(tensors.shape(op.output)) > 4:
            yield Capability.FIVE_DIMENSIONS
        case graph.LrnOp():
            yield Capability.LOCAL_RESPONSE_NORMALIZATION
        case graph.SoftmaxOp():
            yield Capability.SOFTMAX
        case ReturnOp() if len(op.arguments) != 1:
            yield Capability.SEVERAL_RESULTS
        case _:
            pass


def needed_of_engine(op: Operation) -> list[Capability]:
    """Return what an op asks of an engine, the more particular first."""
    values = (*op.operands, *op.results)
    needed = list(_asked_by_kind(op))
    if any(map(_has_scale_per_channel, values)):
        needed.append(Capability.CHANNEL_SCALES)
    if any(tensors.tensor_type(value).element_type == ui8 for value in values):
        needed.append(Capability.UI8)
    return needed


def refused_below_graph(op: Operation) -> LayerError | None:
    """Return why an op of `graph` has no int8 form, or None where it has one."""
    for missing in _asked_by_kind(op):
        if missing in _FLOAT_ONLY:
            return LayerError(layer_name(op), *_WITHOUT[missing])
    if isinstance(op, _BEFORE_INT8):
        return LayerError(
            layer_name(op),
            f"`{op.name}` has no int8 form on its own",
            "run the passes of the graph stage first",
        )
    return None


def refused_on_engine(
    op: Operation, capabilities: Collection[str] = CAPABILITIES
) -> UserError | None:
    """Return why an engine cannot do an op of `int8`, `shift` or `layout`, or None where it can.

    Args:
        op: of a network at stage `shift`.
        capabilities: of the engine.
    """
    missing = next((each for each in needed_of_engine(op) if each not in capabilities), None)
    if missing is None:
        return None
    if missing is Capability.SEVERAL_RESULTS:
        return UserError(
            f"expected a network with one result, got {len(op.operands)}",
            hint="choose one with `--outputs`, or stop before the engine with `--to shift`",
        )
    reason, remedy = _WITHOUT.get(missing, (f"the engine lacks `{missing}`", _TO_SHIFT))
    if missing is Capability.EDGE_MEANS and isinstance(op, int8.AveragePoolOp):
        reason += f", these have {op.pixel_counts[0]} to {op.pixel_counts[-1]}"
    return LayerError(layer_name(op), reason, remedy)
