"""Poolings of stored numbers, in `int8`.

int8.max_pool      maximum over windows of real pixels, or with padding as zeros
int8.average_pool  mean over windows of real pixels, rounded once
"""

from xdsl.dialects.builtin import IntegerType, TensorType, UnitAttr
from xdsl.ir import SSAValue
from xdsl.irdl import (
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.scales import (
    ActivationTensorConstraint,
    Pow2Attr,
    StoredTensorConstraint,
    scale_of,
    scaled_type,
    verify_same_scale,
    verify_scale,
    verify_stored_per_tensor,
)
from tf2c.dialects.tensors import I64Array, I64ArrayConstraint, i64_array
from tf2c.dialects.windows import (
    POOLING_FORMAT,
    PoolingOp,
    PoolingWindow,
    pooled_shape,
    verify_pooling,
)
from tf2c.numerics import fixed_point, windows
from tf2c.numerics.fixed_point import AverageFactor


@irdl_op_definition
class MaxPoolOp(PoolingOp):
    """Maximum over windows; padding does not take part, unless as zeros.

    Formula: `output[n,c,i,j] = max over real pixels of the window of input[n,c,...]`
    (`numerics.windows.max_pool`); with `zero_padded` as in TF2, over all pixels of the window,
    those outside the image being 0.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8 or ui8, scaled |
    | output | ? C OH OW | the same |

    C1: shapes agree, and pads are smaller than the kernel, so no window is wholly padding, or
        they are zeros, of which there may be as many as needed.
    C2: element types and scales agree.

    Example: `%y = int8.max_pool %x kernel [2, 2] strides [2, 2]
    : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x4x4xi8, #int8.pow2<-5>>`
    """

    name = "int8.max_pool"

    input = operand_def(ActivationTensorConstraint)
    zero_padded = opt_prop_def(UnitAttr)
    output = result_def(ActivationTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        f"$input {POOLING_FORMAT}(`zero_padded` $zero_padded^)? attr-dict "
        "`:` type($input) `->` type($output)"
    )

    def __init__(self, input: SSAValue, window: PoolingWindow, zero_padded: bool = False) -> None:
        """Make a pooling and infer its result type; raises where the window does not fit."""
        kind = tensors.tensor_type(input)
        output = pooled_shape(tensors.shape(input), window, needs_pixels=not zero_padded)
        super().__init__(
            operands=[input],
            properties={
                **window.properties,
                "zero_padded": UnitAttr() if zero_padded else None,
            },
            result_types=[TensorType(kind.element_type, output, kind.encoding)],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        verify_pooling(self, needs_pixels=self.zero_padded is None)
        # C2
        verify_same_scale(self.input, self.output)
        expected, got = (
            tensors.tensor_type(value).element_type for value in (self.input, self.output)
        )
        if expected != got:
            raise VerifyException(f"expected elements {expected}, got {got}")


@irdl_op_definition
class AveragePoolOp(PoolingOp):
    """Mean over windows; padding does not take part, and does not count.

    Formula: `output[n,c,i,j] = clamp((sum over real pixels of the window of input[n,c,...] * k
    + 2**(s - 1)) >> s)` to the result's elements, in int64 with an arithmetic shift, where `k` and
    `s` divide by the window's real pixels and go over to the result's scale
    (`numerics.fixed_point.average_factor`). A 32-bit result keeps what 8 bits would round away
    where it is the network's result. `factor [k, s]` says both itself, as TF2 has 669 and 15 for
    7x7 pixels, and then they only divide.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8 or ui8, one scale, or with a factor scaled |
    | output | ? C OH OW | i8, ui8 or i32, one scale, or with a factor the input's |

    C1: shapes agree, and pads are smaller than the kernel, so no window is wholly padding.
    C2: each scale is the whole tensor's; with a factor both are the same.
    C3: there is a factor for each number of real pixels, or `factor` is one, of 1..65535 and 1..45.

    Example: `%y = int8.average_pool %x kernel [8, 8]
    : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x1x1xi8, #int8.pow2<-6>>`
    """

    name = "int8.average_pool"

    input = operand_def(ActivationTensorConstraint)
    factor = opt_prop_def(I64ArrayConstraint)
    """`k` and `s`, where the scales do not say them."""
    output = result_def(StoredTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        f"$input {POOLING_FORMAT}(`factor` $factor^)? attr-dict `:` type($input) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        window: PoolingWindow,
        element_type: IntegerType,
        scale: Pow2Attr,
        factor: AverageFactor | None = None,
    ) -> None:
        """Make a pooling to a scale; raises where the window does not fit."""
        output = pooled_shape(tensors.shape(input), window)
        super().__init__(
            operands=[input],
            properties={
                **window.properties,
                "factor": None if factor is None else i64_array(factor),
            },
            result_types=[scaled_type(element_type, output, scale)],
        )

    @property
    def exponent_difference(self) -> int:
        """`e_input - e_output`."""
        return int(scale_of(self.input).values[0] - scale_of(self.output).values[0])

    @property
    def pixel_counts(self) -> list[int]:
        """The different numbers of real pixels that windows have, ascending."""
        return self.window.pixel_counts(tensors.extents(self.input)[1:])

    @property
    def covers_image(self) -> bool:
        """Whether there is one window, and every pixel is in it."""
        return windows.covers_image(tensors.extents(self.input)[1:], *self.window.numbers)

    def factor_of(self, count: int) -> AverageFactor | None:
        """Return what windows of so many real pixels are divided by; None where nothing will do."""
        if self.factor is None:
            return fixed_point.average_factor(count, self.exponent_difference)
        return AverageFactor(*self.factor.get_values())

    def verify_(self) -> None:
        """Check C1 to C3."""
        # C1
        verify_pooling(self)
        # C2
        if self.factor is not None:
            verify_same_scale(self.input, self.output)
            # C3
            _verify_factor(self.factor)
            return
        for value in (self.input, self.output):
            verify_scale(value)
            verify_stored_per_tensor(value)
        # C3
        for count in self.pixel_counts:
            if self.factor_of(count) is None:
                raise VerifyException(
                    f"expected scales between which {count} pixels can be averaged, got "
                    f"{scale_of(self.input)} and {scale_of(self.output)}"
                )


def _verify_factor(factor: I64Array) -> None:
    """Raise unless there are a multiplier and a shift that an average's factor may have."""
    values = factor.get_values()
    limits = (
        (1 << fixed_point.AVERAGE_MULTIPLIER_BITS) - 1,
        fixed_point.AVERAGE_SHIFT_LIMIT,
    )
    if len(values) != 2 or not all(
        1 <= each <= most for each, most in zip(values, limits, strict=True)
    ):
        raise VerifyException(
            f"expected a `factor` of 1..{limits[0]} and 1..{limits[1]}, got {list(values)}"
        )
