"""What lies in memory without being computed: the image, tensors joined, and tensors taken apart.

dataflow.input     the image, perhaps folded, that the host stores
dataflow.store     a tensor that goes to the card's memory, to make room in the cache
dataflow.load      one that comes back
dataflow.concat    tensors that lie one behind the other
dataflow.channels  some channels of what a job computes, in a place of their own
"""

from abc import ABC
from collections.abc import Sequence

from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    DenseArrayBase,
    IntegerAttr,
    TensorType,
    i8,
    i64,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AtLeast,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.dataflow.engine import engine_of
from tf2c.dialects.scales import (
    Int8TensorConstraint,
    expect_exponents,
    scale_of,
    scaled_type,
    verify_same_scale,
    verify_stored_per_tensor,
)
from tf2c.dialects.tensors import I64ArrayConstraint, i64_array
from tf2c.dialects.windows import NO_PADS, UNIT_STRIDES, PoolingWindow, pooled_shape
from tf2c.engine import Engine
from tf2c.feature_layout import Layout

UNIT_KERNEL = i64_array([1, 1])

NO_POOLING = PoolingWindow(UNIT_KERNEL)

OffsetConstraint = IntegerAttr.constr(type=i64, value=AtLeast(0))

ONE_PLANE = i64_array([1, 1])

PlanesConstraint = I64ArrayConstraint


@irdl_op_definition
class InputOp(IRDLOperation):
    """The quantized image, perhaps folded, that comes from the host and is loaded into the cache.

    An image of few channels leaves most of the lanes that multiply channels without work. Folded,
    each of its pixels has what a window sees, or some rows of it, as channels.

    Formula: `output = fold(input)` (`numerics.windows.fold`); with windows of one pixel, `input`.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8, one scale |
    | output | ? C*R*S OH OW | i8, the same scale |

    C1: shapes agree, with the extents of `numerics.windows.output_extent`.
    C2: the scales agree.

    Example: `%x = dataflow.input %q fold [2, 7] fold_strides [2, 2] fold_pads [3, 3, 4, 3] at 0
    : tensor<?x3x224x224xi8, #int8.pow2<-7>> -> tensor<?x42x115x112xi8, #int8.pow2<-7>>`
    """

    name = "dataflow.input"

    input = operand_def(Int8TensorConstraint)
    fold_kernel = prop_def(I64ArrayConstraint, default_value=UNIT_KERNEL)
    fold_strides = prop_def(I64ArrayConstraint, default_value=UNIT_STRIDES)
    fold_pads = prop_def(I64ArrayConstraint, default_value=NO_PADS)
    planes = prop_def(PlanesConstraint, default_value=ONE_PLANE)
    """Of rows and of columns (`feature_layout.Layout`)."""
    offset = opt_prop_def(OffsetConstraint)
    """In cells of the feature cache."""
    output = result_def(Int8TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input (`fold` $fold_kernel^)? (`fold_strides` $fold_strides^)? "
        "(`fold_pads` $fold_pads^)? (`planes` $planes^)? (`at` $offset^)? attr-dict "
        "`:` type($input) `->` type($output)"
    )

    def __init__(self, input: SSAValue, fold: PoolingWindow | None = None) -> None:
        """Make an input that has no place yet.

        Args:
            input: the quantized image.
            fold: the windows that become channels; none by default.
        """
        properties: dict[str, Attribute | None] = {}
        output = input.type
        if fold is not None:
            properties = {
                "fold_kernel": fold.kernel_shape,
                "fold_strides": fold.strides,
                "fold_pads": fold.pads,
            }
            output = scaled_type(i8, _folded_shape(input, fold), scale_of(input))
        super().__init__(operands=[input], properties=properties, result_types=[output])

    @property
    def fold(self) -> PoolingWindow:
        """The windows that become channels."""
        return PoolingWindow(self.fold_kernel, self.fold_strides, self.fold_pads)

    @property
    def is_folded(self) -> bool:
        """Whether the image lies in memory in another form than it has."""
        return self.fold != NO_POOLING

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        tensors.expect_batched("an image", self.input, rank=4)
        tensors.expect_shape("a result", self.output, _folded_shape(self.input, self.fold))
        # C2
        verify_same_scale(self.input, self.output)


def _folded_shape(input: SSAValue, window: PoolingWindow) -> tuple[int, ...]:
    """Return the shape of a folded image.

    Raises:
        VerifyException: the windows do not fit it.
    """
    batch, channels, height, width = pooled_shape(tensors.shape(input), window, needs_pixels=False)
    rows, columns = window.kernel_shape.get_values()
    return batch, rows * columns * channels, height, width


class _TransferOp(IRDLOperation, ABC):
    """A tensor that moves between the cache and the card's memory."""

    input = operand_def(Int8TensorConstraint)
    offset = opt_prop_def(OffsetConstraint)
    output = result_def(Int8TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input (`at` $offset^)? attr-dict `:` type($input) `->` type($output)"

    def __init__(self, input: SSAValue) -> None:
        """Move a tensor that has no place yet."""
        super().__init__(operands=[input], result_types=[input.type])

    def _verify_types(self) -> None:
        if self.input.type != self.output.type:
            raise VerifyException(f"expected a result {self.input.type}, got {self.output.type}")


@irdl_op_definition
class StoreOp(_TransferOp):
    """A tensor that goes from the cache to the card's memory, so that others have its place.

    Formula: `output = input`.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8, one scale |
    | output | ? C H W | i8, the same scale |

    C1: the types agree.
    C2: only `dataflow.load` reads what lies in the card's memory.

    Example: `%m = dataflow.store %x at 128
    : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>`
    """

    name = "dataflow.store"

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        self._verify_types()
        # C2
        if any(not isinstance(use.operation, LoadOp) for use in self.output.uses):
            raise VerifyException("expected only `dataflow.load` to read what has been stored")


@irdl_op_definition
class LoadOp(_TransferOp):
    """A tensor that comes back from the card's memory to the cache.

    Formula: `output = input`.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8, one scale |
    | output | ? C H W | i8, the same scale |

    C1: the types agree.

    Example: `%y = dataflow.load %m at 512
    : tensor<?x8x4x4xi8, #int8.pow2<-7>> -> tensor<?x8x4x4xi8, #int8.pow2<-7>>`
    """

    name = "dataflow.load"

    def verify_(self) -> None:
        """Check C1."""
        # C1
        self._verify_types()


@irdl_op_definition
class ConcatOp(IRDLOperation):
    """Tensors that lie one behind the other in memory, channel after channel: nothing moves.

    Formula: `output[n, c] = inputs[i][n, c - b]` for the operand `i` that covers channel `c`, with
    `b` the sum of the channels of those before it.

    | operand | shape | dtype |
    |---|---|---|
    | inputs | ? C H W | i8, one scale |
    | output | ? sum of C, H W | i8, the same scale |

    C1: the operands' images have one size, the result's, which has the sum of their channels.
    C2: the scales agree.
    C3: every operand but the last has whole channel vectors.
    C4: operands that have a place lie one behind the other, all in as many planes.

    Example: `%y = dataflow.concat %a, %b : (tensor<?x8x4x4xi8, #int8.pow2<-5>>,
    tensor<?x2x4x4xi8, #int8.pow2<-5>>) -> tensor<?x10x4x4xi8, #int8.pow2<-5>>`
    """

    name = "dataflow.concat"

    inputs = var_operand_def(Int8TensorConstraint)
    output = result_def(Int8TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$inputs attr-dict `:` functional-type(operands, results)"

    def __init__(self, inputs: Sequence[SSAValue], output_type: TensorType[Attribute]) -> None:
        """Say that tensors lie one behind the other."""
        super().__init__(operands=[list(inputs)], result_types=[output_type])

    def verify_(self) -> None:
        """Check C1 to C4."""
        engine = engine_of(self)
        # C1
        if not self.inputs:
            raise VerifyException("expected operands, got none")
        tensors.expect_batched("an image", self.output, rank=4)
        channels, *image = tensors.extents(self.output)
        for each in self.inputs:
            tensors.expect_batched("an image", each, rank=4)
            expected = (DYNAMIC_INDEX, tensors.shape(each)[1], *image)
            tensors.expect_shape("an operand", each, expected)
        together = sum(tensors.extents(each)[0] for each in self.inputs)
        if together != channels:
            raise VerifyException(f"expected {together} channels, got {channels}")
        # C2
        for each in self.inputs:
            verify_same_scale(each, self.output)
        # C3
        for each in self.inputs[:-1]:
            if tensors.extents(each)[0] % engine.channel_vector:
                raise VerifyException(
                    f"expected whole vectors of {engine.channel_vector} channels in front, got "
                    f"{tensors.extents(each)[0]}"
                )
        # C4
        places = [place_of(each) for each in self.inputs]
        sizes = [cells(each, engine) for each in self.inputs]
        if len({layout_of(each) for each in self.inputs}) > 1:
            raise VerifyException("expected operands in as many planes as each other")
        for place, size, following in zip(places, sizes, places[1:], strict=False):
            if place is not None and following is not None and place + size != following:
                raise VerifyException(
                    f"expected an operand at {place + size}, behind the one before, got {following}"
                )


@irdl_op_definition
class ChannelsOp(IRDLOperation):
    """Some channels of what a job computes, which it stores in a place of their own.

    A job that computes several layers of one input has one for each. The job has no place then, and
    its result may have a scale for each channel.

    Formula: `output[n, c] = input[n, first + c]`.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? M H W | i8, one scale or one per channel |
    | output | ? C H W | i8, the scale of its channels |

    C1: the result has channels of the input, from one that begins a channel vector.
    C2: the scales agree.
    C3: the op that computes the operand, if any does, is a job: nothing else stores in parts.

    Example: `%b = dataflow.channels %y first 8 at 512
    : tensor<?x12x4x4xi8, #int8.pow2<-5>> -> tensor<?x4x4x4xi8, #int8.pow2<-5>>`
    """

    name = "dataflow.channels"

    input = operand_def(Int8TensorConstraint)
    first = prop_def(OffsetConstraint, default_value=IntegerAttr(0, i64))
    planes = prop_def(PlanesConstraint, default_value=ONE_PLANE)
    """Of rows and of columns (`feature_layout.Layout`)."""
    offset = opt_prop_def(OffsetConstraint)
    """In cells of the feature cache."""
    output = result_def(Int8TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input (`first` $first^)? (`planes` $planes^)? (`at` $offset^)? attr-dict "
        "`:` type($input) `->` type($output)"
    )

    def __init__(self, input: SSAValue, first: int, output_type: Attribute) -> None:
        """Name channels that have no place yet."""
        super().__init__(
            operands=[input],
            properties={"first": IntegerAttr(first, i64)},
            result_types=[output_type],
        )

    def verify_(self) -> None:
        """Check C1 to C3."""
        vector = engine_of(self).channel_vector
        # C1
        tensors.expect_batched("an image", self.output, rank=4)
        first, (channels, *image) = self.first.value.data, tensors.extents(self.output)
        tensors.expect_shape(
            "an operand", self.input, (DYNAMIC_INDEX, tensors.extents(self.input)[0], *image)
        )
        if first % vector or first + channels > tensors.extents(self.input)[0]:
            raise VerifyException(
                f"expected channels of the operand from a multiple of {vector}, got "
                f"{first} to {first + channels}"
            )
        # C2
        scale = scale_of(self.input)
        own = scale.values[first : first + channels] if len(scale.values) > 1 else scale.values
        verify_stored_per_tensor(self.output)
        expect_exponents("a result", self.output, own)
        # C3
        owner = self.input.owner
        if isinstance(owner, Operation) and owner.name != "dataflow.job":
            raise VerifyException("expected channels of what a job computes")


def place_of(value: SSAValue) -> int | None:
    """Return where a tensor lies in its memory; None where no place has been given yet."""
    owner = value.owner
    if isinstance(owner, ConcatOp):
        return place_of(owner.inputs[0])
    offset = owner.properties.get("offset") if isinstance(owner, Operation) else None
    return offset.value.data if isinstance(offset, IntegerAttr) else None


def layout_of(value: SSAValue) -> Layout:
    """Return how the pixels of a tensor lie in the cache.

    Raises:
        VerifyException: the planes are not two positive numbers.
    """
    owner = value.owner
    if isinstance(owner, ConcatOp):
        return layout_of(owner.inputs[0])
    if isinstance(owner, StoreOp | LoadOp):
        return layout_of(owner.input)
    planes = (
        owner.properties.get("planes", ONE_PLANE) if isinstance(owner, Operation) else ONE_PLANE
    )
    assert isinstance(planes, DenseArrayBase)
    counts = planes.get_values()
    if len(counts) != 2 or min(counts) < 1:
        raise VerifyException(f"expected planes of rows and of columns, got {list(counts)}")
    return Layout(*tensors.extents(value)[1:], *map(int, counts))


def cells(value: SSAValue, engine: Engine) -> int:
    """Return how many cells of the cache a tensor takes, for one image."""
    return engine.channel_groups(tensors.extents(value)[0]) * layout_of(value).cells
