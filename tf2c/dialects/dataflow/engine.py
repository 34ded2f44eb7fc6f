"""The engine: what the kernels were built for.

dataflow.engine  the vector sizes and depths that the kernels were built with
"""

import dataclasses

from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Attribute, Operation
from xdsl.irdl import IRDLOperation, ParsePropInAttrDict, irdl_op_definition, prop_def
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects.windows import PositiveConstraint
from tf2c.engine import Engine


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
    latency = prop_def(PositiveConstraint, default_value=IntegerAttr(Engine.latency, i64))
    memory_bytes = prop_def(PositiveConstraint, default_value=IntegerAttr(Engine.memory_bytes, i64))
    cache_depth = prop_def(PositiveConstraint, default_value=IntegerAttr(Engine.cache_depth, i64))

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "`filter_vector` $filter_vector `channel_vector` $channel_vector "
        "`pixel_vector` $pixel_vector `largest_split` $largest_split "
        "`weight_depth` $weight_depth `channel_depth` $channel_depth (`latency` $latency^)? "
        "(`memory_bytes` $memory_bytes^)? (`cache_depth` $cache_depth^)? attr-dict"
    )

    def __init__(self, engine: Engine) -> None:
        """State the sizes of an engine."""
        super().__init__(
            properties={
                name: IntegerAttr(size, i64) for name, size in dataclasses.asdict(engine).items()
            }
        )

    @property
    def engine(self) -> Engine:
        """The engine; raises ValueError where the sizes are not legal."""
        sizes = {each.name: self.properties[each.name] for each in dataclasses.fields(Engine)}
        return Engine(**{name: _size(size) for name, size in sizes.items()})

    def verify_(self) -> None:
        """Check C1."""
        # C1
        try:
            _ = self.engine
        except ValueError as error:
            raise VerifyException(str(error)) from error


def _size(attribute: Attribute) -> int:
    assert isinstance(attribute, IntegerAttr)
    return attribute.value.data


def module_of(op: Operation) -> ModuleOp:
    """Return the module that contains `op`.

    Raises:
        VerifyException: none does.
    """
    module: Operation | None = op
    while module is not None and not isinstance(module, ModuleOp):
        module = module.parent_op()
    if module is None:
        raise VerifyException("expected an op in a module")
    return module


def engine_of(op: Operation) -> Engine:
    """Return the engine of the module that contains `op`.

    Raises:
        VerifyException: the module states none, or several.
    """
    stated = [each for each in module_of(op).ops if isinstance(each, EngineOp)]
    if len(stated) != 1:
        raise VerifyException(
            f"expected one `dataflow.engine` in the module, got {len(stated) or 'none'}"
        )
    return stated[0].engine
