"""A job: everything between two visits of the feature cache.

dataflow.job  convolution, requantization with residual and activation, pooling, store
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntegerAttr, IntegerType, UnitAttr, i8, i32, i64
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
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

from tf2c.dialects import layout, tensors
from tf2c.dialects.accumulators import convolution_type, verify_bias
from tf2c.dialects.dataflow.averages import AverageOp
from tf2c.dialects.dataflow.engine import engine_of
from tf2c.dialects.dataflow.memory import (
    NO_POOLING,
    ONE_PLANE,
    UNIT_KERNEL,
    ChannelsOp,
    OffsetConstraint,
    PlanesConstraint,
    cells,
    layout_of,
    place_of,
)
from tf2c.dialects.dataflow.structure import capabilities
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
from tf2c.engine import Engine, Share
from tf2c.engine_structure import Capability
from tf2c.feature_layout import Layout, plane_layout

ONE_PART = IntegerAttr(1, i64)


class Requantization(NamedTuple):
    """How accumulators become stored numbers."""

    multipliers: Sequence[int]
    """`M`, one or one per filter."""
    bounds: I64Array
    scale: Pow2Attr
    """Of the stored numbers."""
    element_type: IntegerType = i8
    """Of the stored numbers: `i8`, or `i32` for a result that keeps more."""


def _is_returned(value: SSAValue) -> bool:
    """Whether the network returns a tensor, perhaps in another shape."""
    while True:
        users = [use.operation for use in value.uses]
        if any(isinstance(user, ReturnOp) for user in users):
            return True
        if len(users) != 1 or not isinstance(users[0], layout.ReshapeOp):
            return False
        value = users[0].output


@irdl_op_definition
class JobOp(ConvolvingOp):
    """A row of the job table, or two: everything between two visits of the feature cache.

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
    | output | ? M PH PW | i8 or i32, one scale; raw: i32, scaled; with `channels`: i8, scaled |

    C1: convolution, pooling and residual shapes agree.
    C2: the bias has the exponents `e_input + e_weight[m]`, and a raw output has them too.
    C3: a raw job has no residual and no pooling.
    C4: there is one multiplier, or one per filter, that fits the engine's multiplier width.
    C5: the result has one scale, or without a residual one per channel where channels lie in places
        of their own; the residual shift is in 0..48, and the bounds are numbers in order that the
        result's elements can be.
    C6: the engine can split vectors of pixels as the job does; filters that are left are split into
        fewer parts, behind a whole tile of others, and only where all filters see all channels.
    C7: the weights of one filter tile fit the engine's weight memory.
    C8: what is pooled or averaged has 8 bits, and fits the engine's window unit; not both.
    C9: where results lie in places of their own, each channel is in one of them.
    C10: a returned result is in one plane, and is not used by anything else.
    C11: what is pooled or averaged is computed row by row.
    C12: the engine can do what the job asks for (`dataflow.capability`).
    C13: features and residual operand that have a place lie in different pages of the cache, which
        are read at once, or the job says `shares_page`: then one is read behind the other.

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
    rest_parts = opt_prop_def(PositiveConstraint)
    """The same for the filters behind the last whole tile; absent: as many."""
    order = prop_def(PlanesConstraint, default_value=ONE_PLANE)
    """Pixels are computed as they would lie in so many planes of rows and of columns."""
    planes = prop_def(PlanesConstraint, default_value=ONE_PLANE)
    """In which the output lies."""
    offset = opt_prop_def(OffsetConstraint)
    """Of the output: cells of the feature cache, or words of the output memory if returned."""
    shares_page = opt_prop_def(UnitAttr)
    """Features and residual operand lie in the same page of the cache."""
    output = result_def(StoredTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `,` $weight `,` $bias (`residual` $residual^ `:` type($residual))? "
        f"{WINDOW_FORMAT}(`multipliers` $multipliers^)? "
        "(`bounds` $bounds^)? (`pool` $pool_kernel^)? (`pool_strides` $pool_strides^)? "
        "(`pool_pads` $pool_pads^)? (`split` $parts^)? (`rest` $rest_parts^)? "
        "(`order` $order^)? "
        "(`planes` $planes^)? (`at` $offset^)? (`shares_page` $shares_page^)? attr-dict "
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
    def is_returned(self) -> bool:
        """Whether the network returns the result, so that it goes to the output memory."""
        return any(map(_is_returned, self.stored))

    def shares(self, engine: Engine) -> list[Share]:
        """Return which filters are computed with which split, a row of the job table each."""
        parts = self.parts.value.data
        rest = parts if self.rest_parts is None else self.rest_parts.value.data
        return engine.shares(tensors.shape(self.weight)[0], parts, rest)

    @property
    def pixel_order(self) -> Layout:
        """In which order the pixels of the convolution are computed."""
        return plane_layout(self.convolution_extents, self.order.get_values())

    @property
    def layer_channels(self) -> list[ChannelsOp]:
        """What the job stores in places of their own, in the order of the channels; else nothing.

        Raises:
            VerifyException: something else reads the result as well, or some channels are missing.
        """
        users = [use.operation for use in self.output.uses]
        found = [user for user in users if isinstance(user, ChannelsOp)]
        found.sort(key=lambda each: each.first.value.data)
        end = 0
        for each in found:
            if each.first.value.data != end:
                break
            end += tensors.extents(each.output)[0]
        if found and (len(found) < len(users) or end != tensors.extents(self.output)[0]):
            raise VerifyException("expected each channel of a job in one `dataflow.channels`")
        return found

    @property
    def average(self) -> AverageOp | None:
        """What takes the mean of the job's pixels, which then is all that is stored."""
        users = [use.operation for use in self.output.uses]
        return next((user for user in users if isinstance(user, AverageOp)), None)

    @property
    def stored(self) -> list[SSAValue]:
        """The tensors that the job stores: its result, or what has places of its own instead."""
        if self.average is not None:
            return [self.average.output]
        return [each.output for each in self.layer_channels] or [self.output]

    @property
    def pooling(self) -> PoolingWindow:
        """The windows of the maxima."""
        return PoolingWindow(self.pool_kernel, self.pool_strides, self.pool_pads)

    @property
    def stored_windows(self) -> PoolingWindow:
        """The windows of which one number each is stored: a maximum, or the mean of all pixels."""
        return self.pooling if self.average is None else self.average.window

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
        """Check C1 to C13."""
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
            if self.residual is not None or not self.layer_channels:
                verify_stored_per_tensor(self.output)
            verify_residual(self.residual, self.output)
            verify_bounds(self.bounds, self.output)
        # C6
        self._verify_shares(engine)
        # C7
        words = self.weight_words(engine, self.parts.value.data)
        if words > engine.weight_depth:
            raise VerifyException(
                f"expected at most {engine.weight_depth} weight words per filter tile, got {words}"
            )
        # C8
        if self.average is not None and self.pooling != NO_POOLING:
            raise VerifyException("expected what is averaged without pooling")
        if self.stored_windows != NO_POOLING:
            self._verify_windows(engine, shape)
        # C9
        _ = self.layer_channels
        # C10
        result, *others = self.stored
        is_alone = result.has_one_use() and not others
        if self.is_returned and (layout_of(result)[2:] != (1, 1) or not is_alone):
            raise VerifyException("expected a returned result in one plane that nothing else uses")
        # C11
        if self.stored_windows != NO_POOLING and self.order != ONE_PLANE:
            raise VerifyException("expected what is pooled to be computed row by row")
        # C12
        missing = sorted(self.needs - capabilities(self))
        if missing:
            raise VerifyException(f"expected an engine that can do {', '.join(missing)}")
        # C13
        if self.reads_share_page(engine) != (self.shares_page is not None):
            other = "different pages" if self.shares_page is None else "one page"
            raise VerifyException(
                f"expected features and residual operand in {other} of the feature cache"
            )

    @property
    def needs(self) -> frozenset[Capability]:
        """What the job asks of its engine."""
        asked = {
            Capability.TWO_TERMS: code_terms(self.weight) > 1,
            Capability.GROUPS: self.group.value.data > 1,
            Capability.RESIDUALS: self.residual is not None,
            Capability.MAXIMA: self.pooling != NO_POOLING,
            Capability.MEANS: self.average is not None,
            Capability.RAW_RESULTS: self.is_raw,
        }
        return frozenset(each for each, is_asked in asked.items() if is_asked)

    def reads_share_page(self, engine: Engine) -> bool:
        """Whether features and residual operand, of one image, have places in the same page."""
        if self.residual is None:
            return False
        places = place_of(self.input), place_of(self.residual)
        if places[0] is None or places[1] is None:
            return False
        features = engine.pages(places[0], cells(self.input, engine))
        residual = engine.pages(places[1], cells(self.residual, engine))
        return features.start < residual.stop and residual.start < features.stop

    def weight_words(self, engine: Engine, parts: int) -> int:
        """Return how many weight words a filter tile has with vectors of pixels in some parts."""
        filters, channels, *kernel = tensors.shape(self.weight)
        group = self.group.value.data
        tiling = engine.split(parts).tiling(filters, channels * group, group)
        return tiling.groups * kernel[0] * kernel[1] * code_terms(self.weight)

    def _verify_shares(self, engine: Engine) -> None:
        """Raise unless the engine can split vectors of pixels as the job does."""
        shares = self.shares(engine)
        for share in shares:
            if share.parts not in engine.splits:
                known = ", ".join(map(str, engine.splits))
                raise VerifyException(
                    f"expected vectors of pixels split into {known}, got {share.parts}"
                )
        if self.rest_parts is None:
            return
        if len(shares) < 2 or shares[1].parts > shares[0].parts or self.group.value.data > 1:
            raise VerifyException(
                f"expected filters behind a whole tile of {self.parts.value.data} parts, in fewer "
                f"parts and in one group, got {self.rest_parts.value.data} parts for the rest"
            )

    def _verify_windows(self, engine: Engine, shape: Sequence[int]) -> None:
        """Raise unless the window unit has room for the windows of a map of some shape."""
        if self.is_wide:
            raise VerifyException("expected 8-bit numbers to pool, got 32-bit ones")
        kernel, strides, _ = self.stored_windows.numbers
        pooled_height = pooled_shape(shape, self.stored_windows)[2]
        rows = engine.open_window_rows(kernel[0], strides[0], pooled_height)
        if rows > engine.window_rows or shape[3] > engine.window_width:
            raise VerifyException(
                f"expected windows in at most {engine.window_rows} rows at once of at most "
                f"{engine.window_width} pixels to pool, got {rows} of {shape[3]}"
            )
