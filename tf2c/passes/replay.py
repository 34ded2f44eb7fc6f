"""What a network's results become if one layer is another, without running the rest again.

All stored tensors of an integer network are kept for some images; with another layer, only what
depends on it is computed anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.constants import ConstantOp
from tf2c.dialects import int8
from tf2c.interpreters import new_interpreter
from tf2c.passes.check import real_results
from tf2c.passes.rewriting import network_function, network_input

Array = npt.NDArray[Any]
Results = tuple[npt.NDArray[np.float64], ...]


class Replay:
    """An integer network and its tensors on some images."""

    def __init__(self, module: ModuleOp, images: npt.NDArray[np.float32]) -> None:
        """Run the network; accumulators are not kept where they are stored right after."""
        self._module = module
        self._interpreter = new_interpreter()
        self._ops = list(network_function(module).body.block.ops)
        self._values: dict[SSAValue, Array] = {network_input(module): images}
        for op in self._ops:
            if not isinstance(op, ConstantOp | ReturnOp):
                self._values.update(self._run(op, {}))
                if isinstance(op, int8.RequantizeOp) and op.input.has_one_use():
                    del self._values[op.input]
        self.results = self._real_results({})
        """Of the network as it is, as real numbers."""

    def results_with(
        self,
        replaced: Mapping[SSAValue, Array],
        changes: Sequence[tuple[Operation, str, Any]] = (),
        factors: Mapping[SSAValue, Array] | None = None,
    ) -> Results:
        """Return the results if some tensors were others.

        Args:
            replaced: constants or tensors, with what they are instead.
            changes: operations with a property's name and its other value, meanwhile.
            factors: tensors by which their channels are multiplied, because they are in other units
                than the network's.
        """
        before = [(op, name, getattr(op, name)) for op, name, _ in changes]
        for op, name, value in changes:
            setattr(op, name, value)
        changed = dict(replaced)
        for op in self._ops:
            is_touched = any(value in changed for value in op.operands)
            if not is_touched or isinstance(op, ReturnOp) or op.results[0] in replaced:
                continue
            changed.update(self._run(op, changed))
            for value, factor in (factors or {}).items():
                if value.owner is op:
                    shape = (-1, *[1] * (changed[value].ndim - 2))
                    changed[value] = changed[value] * factor.reshape(shape)
            if isinstance(op, int8.RequantizeOp):
                changed.pop(op.input, None)
        for op, name, value in before:
            setattr(op, name, value)
        return self._real_results(changed)

    def tensor(self, value: SSAValue) -> Array:
        """Return a stored tensor, or one of a float network."""
        return self._values[value]

    def _value(self, value: SSAValue, changed: Mapping[SSAValue, Array]) -> Array:
        if value in changed:
            return changed[value]
        if isinstance(value.owner, ConstantOp):
            return value.owner.value.array
        if value not in self._values:
            # Accumulators that were not kept, of a layer whose residual alone has changed.
            assert isinstance(value.owner, Operation)
            return self._run(value.owner, changed)[value]
        return self._values[value]

    def _run(self, op: Operation, changed: Mapping[SSAValue, Array]) -> dict[SSAValue, Array]:
        operands = tuple(self._value(value, changed) for value in op.operands)
        return dict(zip(op.results, self._interpreter.run_op(op, operands), strict=True))

    def _real_results(self, changed: Mapping[SSAValue, Array]) -> Results:
        returned = self._ops[-1].operands
        return real_results(self._module, [self._value(value, changed) for value in returned])


def result_noise(wanted: Results, found: Results) -> float:
    """Return the squared difference of results, relative to what is wanted.

    Each image's mean does not count: for classes, it is the same for all of them.
    """
    pairs = [(_centered(one), _centered(other)) for one, other in zip(wanted, found, strict=True)]
    noise = sum(float(np.square(one - other).sum()) for one, other in pairs)
    signal = sum(float(np.square(one).sum()) for one, _ in pairs)
    return noise / max(signal, float(np.finfo(np.float64).tiny))


def _centered(result: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    rows = result.reshape(len(result), -1)
    return rows - rows.mean(axis=1, keepdims=True)
