"""`dataflow`: where everything lies and in which order it happens on an engine.

Comes from `shift` by `convert-shift-to-dataflow`; goes to `program.bin` and `weights.bin` by
`tf2c/backends/program.py`. The *engine* is what the FPGA was built for; the *program* is the
function's jobs in their order, each one row of the job table that the kernels read at run time.
Flattening moves no data and stays `layout.reshape`. It cannot say which card runs the program.

    dataflow.engine  the vector sizes and depths that the kernels were built with
    dataflow.input   the place where the host stores an image, perhaps folded
    dataflow.job     convolution, requantization with residual and activation, pooling, store
    dataflow.concat  tensors that lie one behind the other
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    TensorType,
    i8,
    i32,
    i64,
)
from xdsl.ir import Attribute, Dialect, Operation, SSAValue
from xdsl.irdl import (
    AtLeast,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.accumulators import convolution_type, verify_bias
from tf2c.dialects.requantization import (
    residual_shift,
    verify_bounds,
    verify_factor,
    verify_residual,
)
from tf2c.dialects.scales import (
    Int8TensorConstraint,
    Int32TensorConstraint,
    Pow2Attr,
    StoredTensorConstraint,
    scale_of,
    scaled_type,
    verify_same_scale,
    verify_stored_per_tensor,
)
from tf2c.dialects.shift import CodeTensorConstraint, code_scale, code_terms
from tf2c.dialects.tensors import I64Array, I64ArrayConstraint, i64_array
from tf2c.dialects.windows import (
    NO_PADS,
    UNIT_STRIDES,
    UNIT_WINDOW,
    WINDOW_FORMAT,
    ConvolutionWindow,
    ConvolvingOp,
    PoolingWindow,
    PositiveConstraint,
    convolution_shape,
    pooled_shape,
)
from tf2c.engine import Engine

UNIT_KERNEL = i64_array([1, 1])

ONE_PART = IntegerAttr(1, i64)

NO_POOLING = PoolingWindow(UNIT_KERNEL)

OffsetConstraint = IntegerAttr.constr(type=i64, value=AtLeast(0))


@irdl_op_definition
class EngineOp(IRDLOperation):
    """What the kernels were built for: one per module.

    Formula: `lanes = filter_vector * channel_vector * pixel_vector`, each one shift, negation and
    addition per loop iteration.

    | operand | shape | dtype |
    |---|---|---|
    | none | | |

    C1: the sizes are those of an `engine.Engine`: vectors divide each other, depths are positive.

    Example: `dataflow.engine filter_vector 16 channel_vector 8 pixel_vector 14 largest_split 2
    weight_depth 1024 channel_depth 512`
    """

    name = "dataflow.engine"

    filter_vector = prop_def(PositiveConstraint)
    channel_vector = prop_def(PositiveConstraint)
    pixel_vector = prop_def(PositiveConstraint)
    largest_split = prop_def(PositiveConstraint)
    weight_depth = prop_def(PositiveConstraint)
    channel_depth = prop_def(PositiveConstraint)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "`filter_vector` $filter_vector `channel_vector` $channel_vector "
        "`pixel_vector` $pixel_vector `largest_split` $largest_split "
        "`weight_depth` $weight_depth `channel_depth` $channel_depth attr-dict"
    )

    def __init__(self, engine: Engine) -> None:
        """State the sizes of an engine."""
        super().__init__(
            properties={
                "filter_vector": IntegerAttr(engine.filter_vector, i64),
                "channel_vector": IntegerAttr(engine.channel_vector, i64),
                "pixel_vector": IntegerAttr(engine.pixel_vector, i64),
                "largest_split": IntegerAttr(engine.largest_split, i64),
                "weight_depth": IntegerAttr(engine.weight_depth, i64),
                "channel_depth": IntegerAttr(engine.channel_depth, i64),
            }
        )

    @property
    def engine(self) -> Engine:
        """The engine; raises ValueError where the sizes are not legal."""
        return Engine(
            self.filter_vector.value.data,
            self.channel_vector.value.data,
            self.pixel_vector.value.data,
            self.largest_split.value.data,
            self.weight_depth.value.data,
            self.channel_depth.value.data,
        )

    def verify_(self) -> None:
        """Check C1."""
        # C1
        try:
            _ = self.engine
        except ValueError as error:
            raise VerifyException(str(error)) from error


def engine_of(op: Operation) -> Engine:
    """Return the engine of the module that contains `op`.

    Raises:
        VerifyException: the module states none, or several.
    """
    module: Operation | None = op
    while module is not None and not isinstance(module, ModuleOp):
        module = module.parent_op()
    stated = [] if module is None else [each for each in module.ops if isinstance(each, EngineOp)]
    if len(stated) != 1:
        raise VerifyException(
            f"expected one `dataflow.engine` in the module, got {len(stated) or 'none'}"
        )
    return stated[0].engine


@irdl_op_definition
class InputOp(IRDLOperation):
    """The place where the host stores the quantized image, perhaps folded.

    An image of few channels leaves most of the lanes that multiply channels without work. Folded,
    each of its pixels has what a window sees, or some rows of it, as channels.

    Formula: `output = fold(input)` (`numerics.windows.fold`); with windows of one pixel, `input`.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8, one scale |
    | output | ? C*R*S OH OW | i8, the same scale |

    C1: shapes agree, with the extents of `numerics.windows.output_extent`.
    C2: the scales agree.

    Example: `%x = dataflow.input %q fold [2, 7] fold_strides [2, 2] fold_pads [3, 3, 5, 3] at 0
    : tensor<?x3x224x224xi8, #int8.pow2<-7>> -> tensor<?x42x115x112xi8, #int8.pow2<-7>>`
    """

    name = "dataflow.input"

    input = operand_def(Int8TensorConstraint)
    fold_kernel = prop_def(I64ArrayConstraint, default_value=UNIT_KERNEL)
    fold_strides = prop_def(I64ArrayConstraint, default_value=UNIT_STRIDES)
    fold_pads = prop_def(I64ArrayConstraint, default_value=NO_PADS)
    offset = opt_prop_def(OffsetConstraint)
    """In bytes of the feature memory."""
    output = result_def(Int8TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input (`fold` $fold_kernel^)? (`fold_strides` $fold_strides^)? "
        "(`fold_pads` $fold_pads^)? (`at` $offset^)? attr-dict `:` type($input) `->` type($output)"
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


class Requantization(NamedTuple):
    """How accumulators become stored numbers."""

    multipliers: Sequence[int]
    """`M`, one or one per filter."""
    bounds: I64Array
    scale: Pow2Attr
    """Of the stored numbers."""
    element_type: IntegerType = i8
    """Of the stored numbers: `i8`, or `i32` for a result that keeps more."""


@irdl_op_definition
class JobOp(ConvolvingOp):
    """One row of the job table: everything between two visits of the feature memory.

    Formula: `output = max_pool(requantize(shift.conv(input, weight, bias), residual))` with the
    formulas of `shift.conv`, `int8.requantize` and `int8.max_pool`; without multipliers, the raw
    accumulators `output = shift.conv(input, weight, bias)`. A fully connected layer is a
    convolution whose kernel covers the whole image.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8, one scale |
    | weight | M C/group R S | i4 or i8, coded |
    | bias | M | i32, scaled |
    | residual | ? M OH OW | i8, one scale |
    | output | ? M PH PW | i8 or i32, one scale; raw: i32, scaled |

    C1: convolution, pooling and residual shapes agree.
    C2: the bias has the exponents `e_input + e_weight[m]`, and a raw output has them too.
    C3: a raw job has no residual and no pooling.
    C4: there is one multiplier, or one per filter, that fits the engine's multiplier width.
    C5: the residual shift is in 0..48, and the bounds are numbers in order that the result's
        elements can be.
    C6: the weights of one filter tile fit the engine's weight memory.
    C7: what is pooled has 8 bits, and fits the engine's window unit.
    C8: the engine can split vectors of pixels as the job does.

    Example: `%y = dataflow.job %x, %w, %b pads [1, 1, 1, 1] multipliers [4194304] bounds [0, 127]
    pool [2, 2] pool_strides [2, 2] at 512 : tensor<?x1x8x8xi8, #int8.pow2<-7>>,
    tensor<4x1x3x3xi4, #shift.code<-6>>, tensor<4xi32, #int8.pow2<-13>>
    -> tensor<?x4x4x4xi8, #int8.pow2<-5>>`
    """

    name = "dataflow.job"

    input = operand_def(Int8TensorConstraint)
    weight = operand_def(CodeTensorConstraint)
    bias = operand_def(Int32TensorConstraint)
    residual = opt_operand_def(Int8TensorConstraint)
    multipliers = opt_prop_def(I64ArrayConstraint)
    """`M` of the requantization; absent: raw accumulators are stored."""
    bounds = prop_def(I64ArrayConstraint, default_value=i64_array([-128, 127]))
    pool_kernel = prop_def(I64ArrayConstraint, default_value=UNIT_KERNEL)
    pool_strides = prop_def(I64ArrayConstraint, default_value=UNIT_STRIDES)
    pool_pads = prop_def(I64ArrayConstraint, default_value=NO_PADS)
    parts = prop_def(PositiveConstraint, default_value=ONE_PART)
    """Into which vectors of pixels are split, each for other filters."""
    offset = opt_prop_def(OffsetConstraint)
    """Of the output: bytes of the feature memory, or words of the output memory if raw."""
    output = result_def(StoredTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `,` $weight `,` $bias (`residual` $residual^ `:` type($residual))? "
        f"{WINDOW_FORMAT}(`multipliers` $multipliers^)? "
        "(`bounds` $bounds^)? (`pool` $pool_kernel^)? (`pool_strides` $pool_strides^)? "
        "(`pool_pads` $pool_pads^)? (`split` $parts^)? (`at` $offset^)? attr-dict "
        "`:` type($input) `,` type($weight) `,` type($bias) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        weight: SSAValue,
        bias: SSAValue,
        residual: SSAValue | None = None,
        *,
        window: ConvolutionWindow = UNIT_WINDOW,
        requantization: Requantization | None = None,
        pooling: PoolingWindow = NO_POOLING,
    ) -> None:
        """Make a job that has no place yet, and infer its result type.

        Args:
            input: the image.
            weight: coded weights `[M, C, R, S]`.
            bias: `[M]`, in accumulator steps.
            residual: joins the requantization.
            window: of the convolution.
            requantization: None to store the raw accumulators.
            pooling: of what is stored.

        Raises:
            VerifyException: a window does not fit its padded image.
        """
        accumulators = convolution_type(input, weight, code_scale(weight), window)
        output_type = accumulators
        properties: dict[str, Attribute | None] = {**window.properties}
        if requantization is not None:
            pooled = pooled_shape(accumulators.get_shape(), pooling)
            output_type = scaled_type(requantization.element_type, pooled, requantization.scale)
            properties |= {
                "multipliers": i64_array(requantization.multipliers),
                "bounds": requantization.bounds,
                "pool_kernel": pooling.kernel_shape,
                "pool_strides": pooling.strides,
                "pool_pads": pooling.pads,
            }
        super().__init__(
            operands=[input, weight, bias, residual],
            properties=properties,
            result_types=[output_type],
        )

    @property
    def is_raw(self) -> bool:
        """Whether the job stores its accumulators as they are."""
        return self.multipliers is None

    @property
    def is_wide(self) -> bool:
        """Whether the job stores 32-bit numbers, in the output memory."""
        return tensors.tensor_type(self.output).element_type == i32

    @property
    def pooling(self) -> PoolingWindow:
        """The windows of the pooling."""
        return PoolingWindow(self.pool_kernel, self.pool_strides, self.pool_pads)

    @property
    def convolution_extents(self) -> tuple[int, int]:
        """`(height, width)` of the convolution, before pooling."""
        return convolution_shape(self.input, self.weight, self.window)[2:]

    @property
    def residual_shift(self) -> int:
        """`t` of the requantization; 0 without a residual."""
        return residual_shift(self.residual, self.output)

    @property
    def filter_multipliers(self) -> npt.NDArray[np.int64]:
        """`M` of each filter; zeros for a raw job."""
        filters = tensors.shape(self.weight)[0]
        values = [0] if self.multipliers is None else self.multipliers.get_values()
        return np.broadcast_to(np.array(values, np.int64), (filters,))

    def verify_(self) -> None:
        """Check C1 to C8."""
        engine = engine_of(self)
        # C1
        accumulators = convolution_type(
            self.input, self.weight, code_scale(self.weight), self.window
        )
        shape = accumulators.get_shape()
        if self.residual is not None:
            tensors.expect_shape("a residual", self.residual, shape)
        pooled = pooled_shape(shape, self.pooling)
        tensors.expect_shape("a result", self.output, pooled)
        # C2
        filters = shape[1]
        verify_bias(self.input, self.weight, code_scale(self.weight), self.bias)
        if self.is_raw:
            # C3
            if self.residual is not None or self.pool_kernel != UNIT_KERNEL:
                raise VerifyException("expected a raw job without residual and pooling")
            if self.output.type != accumulators:
                raise VerifyException(f"expected a result {accumulators}, got {self.output.type}")
        else:
            # C4
            assert self.multipliers is not None
            largest = (1 << engine.multiplier_bits) - 1
            verify_factor("multipliers", self.multipliers, filters, 0, largest)
            # C5
            verify_stored_per_tensor(self.output)
            verify_residual(self.residual, self.output)
            verify_bounds(self.bounds, self.output)
        # C8
        if self.parts.value.data not in engine.splits:
            known = ", ".join(map(str, engine.splits))
            raise VerifyException(
                f"expected vectors of pixels split into {known}, got {self.parts.value.data}"
            )
        # C6
        words = self.weight_words(engine, self.parts.value.data)
        if words > engine.weight_depth:
            raise VerifyException(
                f"expected at most {engine.weight_depth} weight words per filter tile, got {words}"
            )
        # C7
        if self.pooling != NO_POOLING:
            self._verify_pooling(engine, shape[3], pooled[2])

    def weight_words(self, engine: Engine, parts: int) -> int:
        """Return how many weight words a filter tile has with vectors of pixels in some parts."""
        filters, channels, *kernel = tensors.shape(self.weight)
        group = self.group.value.data
        tiling = engine.split(parts).tiling(filters, channels * group, group)
        return tiling.groups * kernel[0] * kernel[1] * code_terms(self.weight)

    def _verify_pooling(self, engine: Engine, width: int, pooled_height: int) -> None:
        """Raise unless the window unit has room for the windows of a map of some width."""
        if self.is_wide:
            raise VerifyException("expected 8-bit numbers to pool, got 32-bit ones")
        kernel, strides, _ = self.pooling.numbers
        rows = engine.open_window_rows(kernel[0], strides[0], pooled_height)
        if rows > engine.window_rows or width > engine.window_width:
            raise VerifyException(
                f"expected windows in at most {engine.window_rows} rows at once of at most "
                f"{engine.window_width} pixels to pool, got {rows} of {width}"
            )


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
    C4: operands that have a place lie one behind the other.

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
        sizes = [engine.feature_elements(*tensors.extents(each)) for each in self.inputs]
        for place, size, following in zip(places, sizes, places[1:], strict=False):
            if place is not None and following is not None and place + size != following:
                raise VerifyException(
                    f"expected an operand at {place + size}, behind the one before, got {following}"
                )


def place_of(value: SSAValue) -> int | None:
    """Return where a tensor lies in its memory; None where no place has been given yet."""
    owner = value.owner
    if isinstance(owner, ConcatOp):
        return place_of(owner.inputs[0])
    if isinstance(owner, InputOp | JobOp) and owner.offset is not None:
        return owner.offset.value.data
    return None


DATAFLOW = Dialect("dataflow", [EngineOp, InputOp, JobOp, ConcatOp], [])
