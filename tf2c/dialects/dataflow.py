"""`dataflow`: where everything lies and in which order it happens on an engine.

Comes from `shift` by `convert-shift-to-dataflow`; goes to `program.bin` and `weights.bin` by
`tf2c/backends/program.py`. The *engine* is what the FPGA was built for; the *program* is the
function's jobs in their order, each one row of the job table that the kernels read at run time.
Flattening moves no data and stays in `int8`. It cannot say which card runs the program.

    dataflow.engine  the vector sizes and depths that the kernels were built with
    dataflow.input   the place where the host stores an image
    dataflow.job     convolution, requantization with residual and activation, pooling, store
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    IntegerAttr,
    ModuleOp,
    i8,
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
    scaled_type,
    verify_same_scale,
    verify_stored_per_tensor,
)
from tf2c.dialects.shift import CodeTensorConstraint, code_scale
from tf2c.dialects.tensors import NO_PADS, UNIT_STRIDES, I64Array, I64ArrayConstraint, i64_array
from tf2c.engine import Engine

UNIT_KERNEL = i64_array([1, 1])

PositiveConstraint = IntegerAttr.constr(type=i64, value=AtLeast(1))
OffsetConstraint = IntegerAttr.constr(type=i64, value=AtLeast(0))


@irdl_op_definition
class EngineOp(IRDLOperation):
    """What the kernels were built for: one per module.

    Formula: `lanes = filter_vector * channel_vector`, each one shift, negation and addition per
    loop iteration.

    | operand | shape | dtype |
    |---|---|---|
    | none | | |

    C1: the sizes are those of an `engine.Engine`: vectors divide each other, depths are positive.

    Example: `dataflow.engine filter_vector 16 channel_vector 8 weight_depth 1024 channel_depth 512`
    """

    name = "dataflow.engine"

    filter_vector = prop_def(PositiveConstraint)
    channel_vector = prop_def(PositiveConstraint)
    weight_depth = prop_def(PositiveConstraint)
    channel_depth = prop_def(PositiveConstraint)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "`filter_vector` $filter_vector `channel_vector` $channel_vector "
        "`weight_depth` $weight_depth `channel_depth` $channel_depth attr-dict"
    )

    def __init__(self, engine: Engine) -> None:
        """State the sizes of an engine."""
        super().__init__(
            properties={
                "filter_vector": IntegerAttr(engine.filter_vector, i64),
                "channel_vector": IntegerAttr(engine.channel_vector, i64),
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
    """The place where the host stores the quantized image.

    Formula: `output = input`.

    | operand | shape | dtype |
    |---|---|---|
    | input, output | ? C H W | i8, one scale |

    C1: shape and scale agree.

    Example: `%x = dataflow.input %q at 0 : tensor<?x1x8x8xi8, #int8.pow2<-7>>
    -> tensor<?x1x8x8xi8, #int8.pow2<-7>>`
    """

    name = "dataflow.input"

    input = operand_def(Int8TensorConstraint)
    offset = opt_prop_def(OffsetConstraint)
    """In bytes of the feature memory."""
    output = result_def(Int8TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input (`at` $offset^)? attr-dict `:` type($input) `->` type($output)"

    def __init__(self, input: SSAValue) -> None:
        """Make an input that has no place yet."""
        super().__init__(operands=[input], result_types=[input.type])

    def verify_(self) -> None:
        """Check C1."""
        # C1
        tensors.expect_batched("an image", self.input, rank=4)
        tensors.expect_shape("a result", self.output, tensors.shape(self.input))
        verify_same_scale(self.input, self.output)


class Pooling(NamedTuple):
    """The windows of a max pooling."""

    kernel: I64Array
    strides: I64Array
    pads: I64Array


NO_POOLING = Pooling(UNIT_KERNEL, UNIT_STRIDES, NO_PADS)


class Requantization(NamedTuple):
    """How accumulators become stored numbers."""

    multipliers: Sequence[int]
    """`M`, one or one per filter."""
    bounds: I64Array
    scale: Pow2Attr
    """Of the stored numbers."""


@irdl_op_definition
class JobOp(IRDLOperation):
    """One row of the job table: everything between two visits of the feature memory.

    Formula: `output = max_pool(requantize(shift.conv(input, weight, bias), residual))` with the
    formulas of `shift.conv`, `int8.requantize` and `int8.max_pool`; without multipliers, the raw
    accumulators `output = shift.conv(input, weight, bias)`. A fully connected layer is a
    convolution whose kernel covers the whole image.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8, one scale |
    | weight | M C R S | i4, coded |
    | bias | M | i32, scaled |
    | residual | ? M OH OW | i8, one scale |
    | output | ? M PH PW | i8, one scale; raw: i32, scaled |

    C1: convolution, pooling and residual shapes agree.
    C2: the bias has the exponents `e_input + e_weight[m]`, and a raw output has them too.
    C3: a raw job has no residual and no pooling.
    C4: there is one multiplier, or one per filter, that fits the engine's multiplier width.
    C5: the residual shift is in 0..48, and the bounds are int8 numbers in order.
    C6: the weights of one filter tile fit the engine's weight memory.

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
    strides = prop_def(I64ArrayConstraint, default_value=UNIT_STRIDES)
    pads = prop_def(I64ArrayConstraint, default_value=NO_PADS)
    multipliers = opt_prop_def(I64ArrayConstraint)
    """`M` of the requantization; absent: raw accumulators are stored."""
    bounds = prop_def(I64ArrayConstraint, default_value=i64_array([-128, 127]))
    pool_kernel = prop_def(I64ArrayConstraint, default_value=UNIT_KERNEL)
    pool_strides = prop_def(I64ArrayConstraint, default_value=UNIT_STRIDES)
    pool_pads = prop_def(I64ArrayConstraint, default_value=NO_PADS)
    offset = opt_prop_def(OffsetConstraint)
    """Of the output: bytes of the feature memory, or words of the output memory if raw."""
    output = result_def(StoredTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `,` $weight `,` $bias (`residual` $residual^ `:` type($residual))? "
        "(`strides` $strides^)? (`pads` $pads^)? (`multipliers` $multipliers^)? "
        "(`bounds` $bounds^)? (`pool` $pool_kernel^)? (`pool_strides` $pool_strides^)? "
        "(`pool_pads` $pool_pads^)? (`at` $offset^)? attr-dict "
        "`:` type($input) `,` type($weight) `,` type($bias) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        weight: SSAValue,
        bias: SSAValue,
        residual: SSAValue | None = None,
        *,
        strides: I64Array = UNIT_STRIDES,
        pads: I64Array = NO_PADS,
        requantization: Requantization | None = None,
        pooling: Pooling = NO_POOLING,
    ) -> None:
        """Make a job that has no place yet, and infer its result type.

        Args:
            input: the image.
            weight: coded weights `[M, C, R, S]`.
            bias: `[M]`, in accumulator steps.
            residual: joins the requantization.
            strides: of the convolution.
            pads: of the convolution.
            requantization: None to store the raw accumulators.
            pooling: of what is stored.

        Raises:
            VerifyException: a window does not fit its padded image.
        """
        accumulators = convolution_type(input, weight, code_scale(weight), strides, pads)
        output_type = accumulators
        properties: dict[str, Attribute | None] = {"strides": strides, "pads": pads}
        if requantization is not None:
            pooled = tensors.pooled_shape(
                accumulators.get_shape(), pooling.kernel, pooling.strides, pooling.pads
            )
            output_type = scaled_type(i8, pooled, requantization.scale)
            properties |= {
                "multipliers": i64_array(requantization.multipliers),
                "bounds": requantization.bounds,
                "pool_kernel": pooling.kernel,
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
    def convolution_extents(self) -> tuple[int, int]:
        """`(height, width)` of the convolution, before pooling."""
        _, _, *kernel = tensors.shape(self.weight)
        image = tensors.extents(self.input)[1:]
        return tensors.convolution_extents(image, kernel, self.strides, self.pads)

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
        """Check C1 to C6."""
        engine = engine_of(self)
        # C1
        accumulators = convolution_type(
            self.input, self.weight, code_scale(self.weight), self.strides, self.pads
        )
        shape = accumulators.get_shape()
        if self.residual is not None:
            tensors.expect_shape("a residual", self.residual, shape)
        pooled = tensors.pooled_shape(shape, self.pool_kernel, self.pool_strides, self.pool_pads)
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
        elif tensors.tensor_type(self.output).element_type != i8:
            raise VerifyException(f"expected an i8 result, got {self.output.type}")
        else:
            # C4
            assert self.multipliers is not None
            largest = (1 << engine.multiplier_bits) - 1
            verify_factor("multipliers", self.multipliers, filters, 0, largest)
            # C5
            verify_stored_per_tensor(self.output)
            verify_residual(self.residual, self.output)
            verify_bounds(self.bounds)
        # C6
        _, channels, *kernel = tensors.shape(self.weight)
        words = engine.channel_groups(channels) * kernel[0] * kernel[1]
        if words > engine.weight_depth:
            raise VerifyException(
                f"expected at most {engine.weight_depth} weight words per filter tile, got {words}"
            )


DATAFLOW = Dialect("dataflow", [EngineOp, InputOp, JobOp], [])
