"""`layout`: what moves elements without changing any, in real numbers and in stored ones.

Legal from `graph` down to `dataflow`, where what is left of it is only another shape of what lies
in memory. Every op keeps the type of its operands' elements, and each element keeps its scale: one
per channel goes where the channel goes. It cannot say where the elements lie.

    layout.concat     operands one behind the other along an axis
    layout.pad        zeros around
    layout.reshape    the same elements in another shape
    layout.slice      every so many elements of a part
    layout.transpose  axes in another order
"""

from collections.abc import Sequence

from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, TensorType, f32, i8, i32, i64
from xdsl.ir import Attribute, Dialect, SSAValue
from xdsl.irdl import (
    AnyAttr,
    AtLeast,
    IRDLOperation,
    ParamAttrConstraint,
    ParsePropInAttrDict,
    eq,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.rewriter import Rewriter
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.scales import PER_TENSOR, Pow2Attr, ui8
from tf2c.dialects.tensors import I64Array, I64ArrayConstraint, dimension_text, i64_array

ElementsConstraint = ParamAttrConstraint(
    TensorType, (AnyAttr(), eq(f32) | eq(i8) | eq(ui8) | eq(i32), AnyAttr())
)


def same_elements(value: SSAValue | Attribute, shape: Sequence[int]) -> TensorType[Attribute]:
    """Return the type of a tensor of another shape with the elements and scale of `value`."""
    kind = tensors.tensor_type(value)
    return TensorType(kind.element_type, shape, kind.encoding)


def _verify_same_elements(input: SSAValue, output: SSAValue) -> None:
    """Raise unless element types and scales agree."""
    expected, got = tensors.tensor_type(input), tensors.tensor_type(output)
    if (expected.element_type, expected.encoding) != (got.element_type, got.encoding):
        raise VerifyException(f"expected the elements of {expected}, got {got}")


def _verify_one_scale(input: SSAValue) -> None:
    """Raise if a tensor has a scale per channel, which moving elements would tear apart."""
    scale = tensors.tensor_type(input).encoding
    if isinstance(scale, Pow2Attr) and scale.axis.data != PER_TENSOR:
        raise VerifyException("expected one scale for the whole tensor, got one per channel")


def _exponents_of_channels(input: SSAValue) -> list[int] | None:
    """Return a tensor's exponents by channel; None if they are not, or there is no scale."""
    scale = tensors.tensor_type(input).encoding
    if not isinstance(scale, Pow2Attr) or scale.axis.data != 1:
        return None
    scale.verify_fits(tensors.shape(input))
    return [int(exponent) for exponent in scale.values]


def _verify_per_extent(what: str, values: I64Array, least: int, count: int) -> None:
    numbers = values.get_values()
    if len(numbers) != count or min(numbers, default=least) < least:
        raise VerifyException(f"expected {count} `{what}` >= {least}, got {list(numbers)}")


@irdl_op_definition
class ConcatOp(IRDLOperation):
    """Operands one behind the other along an axis.

    Formula: `output[.., k, ..] = inputs[i][.., k - b, ..]` for the operand `i` that covers `k`,
    with `b` the sum of the extents of those before it.

    | operand | shape | dtype |
    |---|---|---|
    | inputs | ? and any extents | f32, or stored, along channels with any scales |
    | output | their sum along the axis | the same |

    C1: there are operands, and the axis is one behind the batch.
    C2: all extents but the axis's agree, and the result has their sum along the axis.
    C3: element types and scales agree, and each scale is the whole tensor's; or the axis is that of
        channels, and the result's exponents are its operands', one behind the other.

    Example: `%y = layout.concat %a, %b axis 1 : (tensor<?x4x8x8xf32>, tensor<?x2x8x8xf32>)
    -> tensor<?x6x8x8xf32>`
    """

    name = "layout.concat"

    inputs = var_operand_def(ElementsConstraint)
    axis = prop_def(IntegerAttr.constr(type=i64, value=AtLeast(1)))
    output = result_def(ElementsConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$inputs `axis` $axis attr-dict `:` functional-type(operands, results)"

    def __init__(self, inputs: Sequence[SSAValue], axis: int) -> None:
        """Join tensors and infer the result type.

        Raises:
            VerifyException: the axis is not one of theirs.
        """
        super().__init__(
            operands=[list(inputs)],
            properties={"axis": IntegerAttr(axis, i64)},
            result_types=[_joined_type(inputs, axis)],
        )

    def verify_(self) -> None:
        """Check C1 to C3."""
        # C1
        axis = self.axis.value.data
        if not self.inputs:
            raise VerifyException("expected operands, got none")
        joined = _joined_shape(self.inputs, axis)
        # C2
        for each in self.inputs:
            expected = list(tensors.shape(self.inputs[0]))
            if len(tensors.shape(each)) == len(expected):
                expected[axis] = tensors.shape(each)[axis]
            tensors.expect_shape("an operand", each, expected)
        tensors.expect_shape("a result", self.output, joined)
        # C3
        exponents = _exponents_of_channels(self.output)
        if axis == 1 and exponents is not None:
            _verify_joined_exponents(self.inputs, self.output, exponents)
            return
        for each in self.inputs:
            _verify_same_elements(each, self.output)
            _verify_one_scale(each)


def _joined_shape(inputs: Sequence[SSAValue], axis: int) -> list[int]:
    joined = list(tensors.shape(inputs[0]))
    if not 1 <= axis < min(len(tensors.shape(each)) for each in inputs):
        raise VerifyException(f"expected an axis in 1..{len(joined) - 1}, got {axis}")
    joined[axis] = sum(tensors.shape(each)[axis] for each in inputs)
    return joined


def _joined_exponents(inputs: Sequence[SSAValue]) -> list[int]:
    """Return the exponents of channels one behind the other, those of whole tensors repeated."""
    joined: list[int] = []
    for each in inputs:
        scale = tensors.tensor_type(each).encoding
        if not isinstance(scale, Pow2Attr):
            raise VerifyException(f"expected a scale, got {tensors.tensor_type(each)}")
        if scale.axis.data == PER_TENSOR:
            joined += [int(scale.values[0])] * tensors.shape(each)[1]
            continue
        exponents = _exponents_of_channels(each)
        if exponents is None:
            raise VerifyException(f"expected exponents on axis 1, got axis {scale.axis.data}")
        joined += exponents
    return joined


def _joined_type(inputs: Sequence[SSAValue], axis: int) -> TensorType[Attribute]:
    """Return the type of tensors behind each other: with their scale, or one per channel."""
    kind = same_elements(inputs[0], _joined_shape(inputs, axis))
    encodings = {tensors.tensor_type(each).encoding for each in inputs}
    is_per_channel = any(_exponents_of_channels(each) is not None for each in inputs)
    if axis != 1 or (len(encodings) == 1 and not is_per_channel):
        return kind
    scale = Pow2Attr(_joined_exponents(inputs), axis=1)
    return TensorType(kind.element_type, kind.get_shape(), scale)


def _verify_joined_exponents(
    inputs: Sequence[SSAValue], output: SSAValue, exponents: list[int]
) -> None:
    """Raise unless operands have the result's element type and, one by one, its exponents."""
    for each in inputs:
        expected, got = (tensors.tensor_type(value).element_type for value in (output, each))
        if expected != got:
            raise VerifyException(f"expected elements {expected}, got {got}")
    joined = _joined_exponents(inputs)
    if joined != exponents:
        raise VerifyException(f"expected a result with exponents {joined}, got {exponents}")


@irdl_op_definition
class PadOp(IRDLOperation):
    """Zeros around a tensor.

    Formula: `output[i] = input[i - low]` where there is such an element, otherwise 0.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? and any extents | f32, or stored with one scale |
    | output | each extent with `low + high` more | the same |

    C1: there are as many of `low` and `high`, all >= 0, as extents, and the result has theirs.
    C2: element type and scale agree, and the scale is the whole tensor's.

    Example: `%y = layout.pad %x low [0, 1, 1] high [0, 1, 1] :
    (tensor<?x4x8x8xf32>) -> tensor<?x4x10x10xf32>`
    """

    name = "layout.pad"

    input = operand_def(ElementsConstraint)
    low = prop_def(I64ArrayConstraint)
    """In front of each extent, without the batch."""
    high = prop_def(I64ArrayConstraint)
    """Behind each extent."""
    output = result_def(ElementsConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `low` $low `high` $high attr-dict `:` functional-type(operands, results)"
    )

    def __init__(self, input: SSAValue, low: Sequence[int], high: Sequence[int]) -> None:
        """Pad a tensor and infer the result type."""
        shape = _padded_shape(input, low, high)
        super().__init__(
            operands=[input],
            properties={"low": i64_array(low), "high": i64_array(high)},
            result_types=[same_elements(input, shape)],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        tensors.expect_channels("an input", self.input)
        for what, values in (("low", self.low), ("high", self.high)):
            _verify_per_extent(what, values, 0, len(tensors.extents(self.input)))
        expected = _padded_shape(self.input, self.low.get_values(), self.high.get_values())
        tensors.expect_shape("a result", self.output, expected)
        # C2
        _verify_same_elements(self.input, self.output)
        _verify_one_scale(self.input)


def _padded_shape(input: SSAValue, low: Sequence[int], high: Sequence[int]) -> list[int]:
    extents = zip(tensors.extents(input), low, high, strict=False)
    return [DYNAMIC_INDEX, *(extent + before + behind for extent, before, behind in extents)]


@irdl_op_definition
class ReshapeOp(IRDLOperation):
    """The same elements in another shape, in row-major order; images stay apart.

    Formula: `output[n, k] = input[n, k]` with both sides' extents flattened.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? and any extents | f32, or stored |
    | output | ? and other extents with the same product | the same |

    C1: the result has one image for each of the input's, of as many elements.
    C2: element types and scales agree; a scale per channel needs channels of one element each.

    Example: `%y = layout.reshape %x : (tensor<?x4x2x2xf32>) -> tensor<?x16xf32>`
    """

    name = "layout.reshape"

    input = operand_def(ElementsConstraint)
    output = result_def(ElementsConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue, extents: Sequence[int]) -> None:
        """Give a tensor other extents behind the batch."""
        super().__init__(
            operands=[input], result_types=[same_elements(input, (DYNAMIC_INDEX, *extents))]
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        for what, value in (("an input", self.input), ("a result", self.output)):
            tensors.expect_channels(what, value)
        if tensors.flattened(self.input) != tensors.flattened(self.output):
            raise VerifyException(
                f"expected {tensors.flattened(self.input)} elements per image, got "
                f"{dimension_text(tensors.shape(self.output))}"
            )
        # C2
        _verify_same_elements(self.input, self.output)
        channels = {tensors.extents(value)[0] for value in (self.input, self.output)}
        if channels != {tensors.flattened(self.input)}:
            _verify_one_scale(self.input)


def flatten(input: SSAValue) -> ReshapeOp:
    """Return the op that makes one row of each image."""
    return ReshapeOp(input, (tensors.flattened(input),))


@irdl_op_definition
class SliceOp(IRDLOperation):
    """Every so many elements of a part.

    Formula: `output[i] = input[start + i * step]`, along each extent.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? and any extents | f32, or stored, with one scale or one per channel |
    | output | `ceil((end - start) / step)` along each | the same |

    C1: there is a start, an end and a step for each extent, `0 <= start < end <= extent`, and the
        result has these extents.
    C2: element type and scale agree, and the scale is the whole tensor's, or one per channel, of
        which the result has those of the channels taken.

    Example: `%y = layout.slice %x from [0, 0, 0] to [4, 8, 8] step [1, 2, 2] :
    (tensor<?x4x8x8xf32>) -> tensor<?x4x4x4xf32>`
    """

    name = "layout.slice"

    input = operand_def(ElementsConstraint)
    starts = prop_def(I64ArrayConstraint)
    ends = prop_def(I64ArrayConstraint)
    """Exclusive."""
    steps = prop_def(I64ArrayConstraint)
    output = result_def(ElementsConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `from` $starts `to` $ends `step` $steps attr-dict "
        "`:` functional-type(operands, results)"
    )

    def __init__(
        self, input: SSAValue, starts: Sequence[int], ends: Sequence[int], steps: Sequence[int]
    ) -> None:
        """Take a part of a tensor and infer the result type."""
        super().__init__(
            operands=[input],
            properties={
                "starts": i64_array(starts),
                "ends": i64_array(ends),
                "steps": i64_array(steps),
            },
            result_types=[_sliced_type(input, starts, ends, steps)],
        )

    @property
    def ranges(self) -> list[range]:
        """The indices that are taken along each extent."""
        parts = (self.starts.get_values(), self.ends.get_values(), self.steps.get_values())
        return [range(*part) for part in zip(*parts, strict=True)]

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        tensors.expect_channels("an input", self.input)
        extents = tensors.extents(self.input)
        for what, values, least in (
            ("starts", self.starts, 0),
            ("ends", self.ends, 1),
            ("steps", self.steps, 1),
        ):
            _verify_per_extent(what, values, least, len(extents))
        for taken, extent in zip(self.ranges, extents, strict=True):
            if not taken or taken.stop > extent:
                raise VerifyException(
                    f"expected a part of 0..{extent}, got {taken.start}..{taken.stop}"
                )
        expected = _sliced_shape(
            *zip(*((r.start, r.stop, r.step) for r in self.ranges), strict=True)
        )
        tensors.expect_shape("a result", self.output, expected)
        # C2
        expected_type = _sliced_type(
            self.input, *(each.get_values() for each in (self.starts, self.ends, self.steps))
        )
        if self.output.type != expected_type:
            raise VerifyException(
                f"expected the elements of {expected_type}, got {self.output.type}"
            )
        if _exponents_of_channels(self.input) is None:
            _verify_one_scale(self.input)


def _sliced_type(
    input: SSAValue, starts: Sequence[int], ends: Sequence[int], steps: Sequence[int]
) -> TensorType[Attribute]:
    """Return the type of a part of a tensor, with the exponents of its channels."""
    kind = same_elements(input, _sliced_shape(starts, ends, steps))
    exponents = _exponents_of_channels(input)
    if exponents is None:
        return kind
    scale = Pow2Attr(exponents[starts[0] : ends[0] : steps[0]], axis=1)
    return TensorType(kind.element_type, kind.get_shape(), scale)


def _sliced_shape(starts: Sequence[int], ends: Sequence[int], steps: Sequence[int]) -> list[int]:
    parts = zip(starts, ends, steps, strict=True)
    return [DYNAMIC_INDEX, *(len(range(*part)) for part in parts)]


@irdl_op_definition
class TransposeOp(IRDLOperation):
    """Axes in another order; the batch stays first.

    Formula: `output[i[permutation[0]], i[permutation[1]], ..] = input[i[0], i[1], ..]`.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? and any extents | f32, or stored with one scale |
    | output | ? and the extents in their new order | the same |

    C1: the permutation has each axis once, the batch first, and the result has its extents.
    C2: element type and scale agree, and the scale is the whole tensor's.

    Example: `%y = layout.transpose %x [0, 2, 3, 1] :
    (tensor<?x4x8x6xf32>) -> tensor<?x8x6x4xf32>`
    """

    name = "layout.transpose"

    input = operand_def(ElementsConstraint)
    permutation = prop_def(I64ArrayConstraint)
    output = result_def(ElementsConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input $permutation attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue, permutation: Sequence[int]) -> None:
        """Reorder axes and infer the result type.

        Raises:
            VerifyException: not a permutation that keeps the batch first.
        """
        shape = _transposed_shape(input, permutation)
        super().__init__(
            operands=[input],
            properties={"permutation": i64_array(permutation)},
            result_types=[same_elements(input, shape)],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        expected = _transposed_shape(self.input, self.permutation.get_values())
        tensors.expect_shape("a result", self.output, expected)
        # C2
        _verify_same_elements(self.input, self.output)
        _verify_one_scale(self.input)


def _transposed_shape(input: SSAValue, permutation: Sequence[int]) -> list[int]:
    shape = tensors.shape(input)
    if sorted(permutation) != list(range(len(shape))) or permutation[0] != 0:
        raise VerifyException(
            f"expected a permutation of {len(shape)} axes that keeps the batch first, got "
            f"{list(permutation)}"
        )
    return [shape[axis] for axis in permutation]


MovingOp = ConcatOp | PadOp | ReshapeOp | SliceOp | TransposeOp
"""An op whose result has the scale of its operands."""


def retype_movers(value: SSAValue) -> None:
    """Give what moves a tensor's elements its type, after that has got another scale."""
    for use in list(value.uses):
        mover = use.operation
        if isinstance(mover, MovingOp):
            kind = same_elements(value, tensors.shape(mover.output))
            retype_movers(Rewriter.replace_value_with_new_type(mover.output, kind))


LAYOUT = Dialect("layout", [ConcatOp, PadOp, ReshapeOp, SliceOp, TransposeOp], [])
