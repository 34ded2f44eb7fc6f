"""What the engine is made of, and what it can do.

dataflow.capability  something that a job may ask of the engine
dataflow.kernel      a loop in hardware that runs all the time
dataflow.connect     a channel from one kernel to another
dataflow.buffer      memory on chip that a kernel keeps
dataflow.port        a kernel's way to the card's memory
"""

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    FlatSymbolRefAttrConstr,
    IntegerAttr,
    IntegerType,
    StringAttr,
    SymbolNameConstraint,
    SymbolRefAttr,
    UnitAttr,
    VectorType,
    i64,
)
from xdsl.ir import Attribute, Operation
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    base,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    traits_def,
)
from xdsl.traits import SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from tf2c import engine_structure
from tf2c.dialects.dataflow.engine import engine_of, module_of
from tf2c.dialects.windows import PositiveConstraint
from tf2c.engine import Engine


@irdl_op_definition
class CapabilityOp(IRDLOperation):
    """Something that a job may ask of the engine, beside convolutions with weights in one code.

    Where a module names none, its engine has all that the kernels have.

    Formula: `asked(job) <= named(module)`, as sets.

    | operand | shape | dtype |
    |---|---|---|
    | none | | |

    C1: the kernels have it (`engine_structure.CAPABILITIES`).

    Example: `dataflow.capability "residuals"`
    """

    name = "dataflow.capability"

    capability = prop_def(StringAttr)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$capability attr-dict"

    def __init__(self, capability: engine_structure.Capability) -> None:
        """Name a capability."""
        super().__init__(properties={"capability": StringAttr(capability.value)})

    def verify_(self) -> None:
        """Check C1."""
        # C1
        if self.capability.data not in engine_structure.CAPABILITIES:
            known = ", ".join(sorted(engine_structure.CAPABILITIES))
            raise VerifyException(f"expected a capability of {known}, got {self.capability.data}")


@irdl_op_definition
class KernelOp(IRDLOperation):
    """A kernel: a loop in hardware that runs all the time and waits for what channels bring.

    Formula: `iterations = what its counter says`; `kernels/templates` has its text.

    | operand | shape | dtype |
    |---|---|---|
    | none | | |

    C1: the engine has a kernel of that name.

    Example: `dataflow.kernel @scheduler`
    """

    name = "dataflow.kernel"

    sym_name = prop_def(SymbolNameConstraint())

    traits = traits_def(SymbolOpInterface())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$sym_name attr-dict"

    def __init__(self, name: str) -> None:
        """Name a kernel."""
        super().__init__(properties={"sym_name": StringAttr(name)})

    def verify_(self) -> None:
        """Check C1."""
        # C1
        if self.sym_name.data not in engine_structure.KERNELS:
            known = ", ".join(engine_structure.KERNELS)
            raise VerifyException(f"expected a kernel of {known}, got {self.sym_name.data}")


@irdl_op_definition
class ConnectOp(IRDLOperation):
    """A channel: a queue of words from one kernel to another; each waits if it must.

    Formula: `read[n] = written[n]`.

    | operand | shape | dtype |
    |---|---|---|
    | none | | |

    C1: the engine has such a channel between these kernels, with words of that type.
    C2: it holds as many words as it has to, so that no kernels wait for each other for ever.
    C3: it holds as many words as the engine's.

    Example: `dataflow.connect @scheduler to @pe by @features depth 512 : vector<14x8xi8>`
    """

    name = "dataflow.connect"

    source = prop_def(FlatSymbolRefAttrConstr)
    target = prop_def(FlatSymbolRefAttrConstr)
    sym_name = prop_def(SymbolNameConstraint())
    depth = prop_def(PositiveConstraint)
    """Words that it holds."""
    word = prop_def(base(VectorType[Attribute]))

    traits = traits_def(SymbolOpInterface())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$source `to` $target `by` $sym_name `depth` $depth attr-dict `:` $word"

    def __init__(self, channel: engine_structure.Channel) -> None:
        """State a channel."""
        super().__init__(
            properties={
                "source": SymbolRefAttr(channel.source),
                "target": SymbolRefAttr(channel.target),
                "sym_name": StringAttr(channel.name),
                "depth": IntegerAttr(channel.depth, i64),
                "word": _word(channel.shape, channel.bits),
            }
        )

    def verify_(self) -> None:
        """Check C1 to C3."""
        # C1
        source, target = (each.root_reference.data for each in (self.source, self.target))
        known = {each.name: each for each in engine_structure.channels(engine_of(self))}
        channel = known.get(self.sym_name.data)
        if channel is None or (channel.source, channel.target) != (source, target):
            raise VerifyException(
                f"expected a channel that the engine has, got {self.sym_name.data} from {source} "
                f"to {target}"
            )
        _expect_word(self.word, channel.shape, channel.bits)
        # C2
        if self.depth.value.data < channel.least_depth:
            raise VerifyException(
                f"expected {self.sym_name.data} to hold at least {channel.least_depth} words, "
                "because so many vectors may be in flight and their kernels would wait for each "
                f"other for ever, got {self.depth.value.data}"
            )
        # C3
        if self.depth.value.data != channel.depth:
            raise VerifyException(
                f"expected {self.sym_name.data} to hold {channel.depth} words, as the engine's "
                f"does, got {self.depth.value.data}"
            )


@irdl_op_definition
class BufferOp(IRDLOperation):
    """Memory on chip that a kernel keeps.

    Formula: `bits = words * numbers of a word * bits of a number`.

    | operand | shape | dtype |
    |---|---|---|
    | none | | |

    C1: the engine's kernel has such a buffer, of as many words of that type.

    Example: `dataflow.buffer @cache of @scheduler words 262144 : vector<8xi8>`
    """

    name = "dataflow.buffer"

    sym_name = prop_def(SymbolNameConstraint())
    kernel = prop_def(FlatSymbolRefAttrConstr)
    words = prop_def(PositiveConstraint)
    word = prop_def(base(VectorType[Attribute]))

    traits = traits_def(SymbolOpInterface())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$sym_name `of` $kernel `words` $words attr-dict `:` $word"

    def __init__(self, buffer: engine_structure.Buffer) -> None:
        """State a buffer."""
        super().__init__(
            properties={
                "sym_name": StringAttr(buffer.name),
                "kernel": SymbolRefAttr(buffer.kernel),
                "words": IntegerAttr(buffer.words, i64),
                "word": _word(buffer.shape, buffer.bits),
            }
        )

    def verify_(self) -> None:
        """Check C1."""
        # C1
        kernel = self.kernel.root_reference.data
        known = {each.name: each for each in engine_structure.buffers(engine_of(self))}
        buffer = known.get(self.sym_name.data)
        if buffer is None or (buffer.kernel, buffer.words) != (kernel, self.words.value.data):
            raise VerifyException(
                f"expected a buffer that the engine has, got {self.sym_name.data} of {kernel} with "
                f"{self.words.value.data} words"
            )
        _expect_word(self.word, buffer.shape, buffer.bits)


@irdl_op_definition
class PortOp(IRDLOperation):
    """A kernel's way to the card's memory: a pointer in OpenCL, a load-store unit in hardware.

    Formula: `bits of an access = numbers of a word * bits of a number`.

    | operand | shape | dtype |
    |---|---|---|
    | none | | |

    C1: the engine's kernel has such a port, which does that with words of that type.

    Example: `dataflow.port "codes" of @weight_reader reads : vector<16x8xi4>`
    """

    name = "dataflow.port"

    port = prop_def(StringAttr)
    kernel = prop_def(FlatSymbolRefAttrConstr)
    reads = opt_prop_def(UnitAttr)
    writes = opt_prop_def(UnitAttr)
    word = prop_def(base(VectorType[Attribute]))

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$port `of` $kernel (`reads` $reads^)? (`writes` $writes^)? attr-dict `:` $word"
    )

    def __init__(self, port: engine_structure.Port) -> None:
        """State a port."""
        super().__init__(
            properties={
                "port": StringAttr(port.name),
                "kernel": SymbolRefAttr(port.kernel),
                "reads": UnitAttr() if port.reads else None,
                "writes": UnitAttr() if port.writes else None,
                "word": _word(port.shape, port.bits),
            }
        )

    def verify_(self) -> None:
        """Check C1."""
        # C1
        name, kernel = self.port.data, self.kernel.root_reference.data
        does = (self.reads is not None, self.writes is not None)
        known = {(each.name, each.kernel): each for each in engine_structure.ports(engine_of(self))}
        port = known.get((name, kernel))
        if port is None or (port.reads, port.writes) != does:
            raise VerifyException(
                f"expected a port that the engine has, got {name} of {kernel} that {_access(*does)}"
            )
        _expect_word(self.word, port.shape, port.bits)


def _access(reads: bool, writes: bool) -> str:
    words = [word for word, does in (("reads", reads), ("writes", writes)) if does]
    return " and ".join(words) or "does nothing"


def capabilities(op: Operation) -> frozenset[str]:
    """Return what jobs in the module of `op` may ask of its engine."""
    named = {each.capability.data for each in module_of(op).ops if isinstance(each, CapabilityOp)}
    return frozenset(named) or engine_structure.CAPABILITIES


def structure(engine: Engine) -> list[Operation]:
    """Return the ops that state what an engine is made of and what it can do."""
    return [
        *(CapabilityOp(each) for each in sorted(engine_structure.CAPABILITIES)),
        *(KernelOp(name) for name in engine_structure.KERNELS),
        *(ConnectOp(channel) for channel in engine_structure.channels(engine)),
        *(BufferOp(buffer) for buffer in engine_structure.buffers(engine)),
        *(PortOp(port) for port in engine_structure.ports(engine)),
    ]


def _word(shape: Sequence[int], bits: int) -> VectorType[Attribute]:
    return VectorType(IntegerType(bits), shape)


def _expect_word(word: VectorType[Attribute], shape: Sequence[int], bits: int) -> None:
    expected = _word(shape, bits)
    if word != expected:
        raise VerifyException(f"expected words {expected}, got {word}")
