"""Weights that shift, and how their elements say so.

shift.constant  weight codes, or weight bytes
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntegerType, TensorType, i8
from xdsl.ir import Attribute, ParametrizedAttribute, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    ParamAttrConstraint,
    ParsePropInAttrDict,
    base,
    eq,
    irdl_attr_definition,
    irdl_op_definition,
    param_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.scales import Pow2Attr, ui8
from tf2c.numerics import pow2

i4 = IntegerType(4)


@irdl_attr_definition
class CodeAttr(ParametrizedAttribute):
    """The encoding of weight codes: `#shift.code<e>`, with a scale like `#int8.pow2`'s.

    An element is a code of `numerics.pow2` and stands for `decode(code) * 2**e`: in i4 one term,
    in i8 two.
    """

    name = "shift.code"

    scale: Pow2Attr = param_def()

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        """Parse the parameters of the scale."""
        return (Pow2Attr.new(Pow2Attr.parse_parameters(parser)),)

    def print_parameters(self, printer: Printer) -> None:
        """Print the parameters of the scale."""
        self.scale.print_parameters(printer)


@irdl_attr_definition
class ByteAttr(ParametrizedAttribute):
    """The encoding of weight bytes: `#shift.byte`, of elements in ui8.

    Bit 7 of an element is the sign, bit 6 says zero, bit 5 means nothing, bits 4..0 are a left
    shift (`numerics.weight_bytes`). There is no scale: between an input of exponent `e_x[c]` and
    an accumulator of `e_a[m]`, a shift by `k` stands for the weight `±2**(k + e_a[m] - e_x[c])`.
    """

    name = "shift.byte"


TERMS: dict[Attribute, int] = {i4: 1, i8: 2}
"""How many terms a weight has, by the element type of its code."""

CodeTensorConstraint = ParamAttrConstraint(
    TensorType, (AnyAttr(), eq(i4), base(CodeAttr))
) | ParamAttrConstraint(TensorType, (AnyAttr(), eq(i8), base(CodeAttr)))

WeightTensorConstraint = ParamAttrConstraint(
    TensorType, (AnyAttr(), eq(i4) | eq(i8) | eq(ui8), base(CodeAttr) | base(ByteAttr))
)
"""Codes or bytes; `verify_elements` says which element type goes with which encoding."""


def has_bytes(weight: SSAValue) -> bool:
    """Whether weights are bytes, not codes."""
    return isinstance(tensors.tensor_type(weight).encoding, ByteAttr)


def verify_elements(weight: SSAValue) -> None:
    """Raise unless weights are codes in i4 or i8, or bytes in ui8."""
    kind = tensors.tensor_type(weight)
    if has_bytes(weight) != (kind.element_type == ui8):
        raise VerifyException(
            "expected weights of i4 or i8 with codes, or of ui8 with bytes, got "
            f"{kind.element_type} with {kind.encoding}"
        )


def code_terms(weight: SSAValue) -> int:
    """Return how many terms coded weights have: 1 or 2."""
    return TERMS[tensors.tensor_type(weight).element_type]


def code_scale(weight: SSAValue) -> Pow2Attr:
    """Return the scale of coded weights."""
    encoding = tensors.tensor_type(weight).encoding
    assert isinstance(encoding, CodeAttr)
    return encoding.scale


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """Weight codes, one per byte of the blob, or weight bytes.

    Formula: `output = value`; codes stand for the real numbers `decode(value) * 2**e`
    (`numerics.pow2.decode`), bytes for left shifts (`numerics.weight_bytes.decode`).

    | operand | shape | dtype |
    |---|---|---|
    | output | M C R S or M K | i4 or i8, coded, or ui8, bytes |

    C1: the blob's elements are bytes of the result's shape, and the result's type is i4 or i8 of
        codes or ui8 of bytes.
    C2: the exponents of codes are the whole tensor's or one per filter.
    C3: codes are canonical ones of one term (i4) or of two (i8).

    Example: `%w = shift.constant <1x2xui8, [0, 7]> : tensor<1x2xi4, #shift.code<-6>>`
    """

    name = "shift.constant"

    value = prop_def(BlobAttr)
    output = result_def(WeightTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$value attr-dict `:` type($output)"

    def __init__(
        self, codes: npt.NDArray[np.uint8], scale: Pow2Attr | None, terms: int = 1
    ) -> None:
        """Make a constant of codes with a scale, one per byte, or of bytes without one."""
        element_type = i4 if terms == 1 else i8
        if scale is None:
            kind = TensorType(ui8, codes.shape, ByteAttr())
        else:
            kind = TensorType(element_type, codes.shape, CodeAttr(scale))
        super().__init__(properties={"value": BlobAttr.of(codes)}, result_types=[kind])

    def verify_(self) -> None:
        """Check C1 to C3."""
        # C1
        verify_elements(self.output)
        self.value.verify_holds(np.uint8, tensors.shape(self.output))
        if has_bytes(self.output):
            return
        # C2
        code_scale(self.output).verify_fits(tensors.shape(self.output), channel_axis=0)
        # C3
        if self.value.data.is_available:
            codes, terms = self.value.array, code_terms(self.output)
            is_legal = pow2.is_code(codes, terms)
            if not is_legal.all():
                raise VerifyException(
                    f"expected canonical codes of {4 * terms} bits, got {codes[~is_legal].flat[0]}"
                )
