"""Running a network on calibration images op by op, so that passes can look between two layers.

Of all tensors only those are in memory that are still to be read. What has not run yet may be
rewritten in between, which is how rounding sees the inputs that the layers in front of it really
leave (`round_weights_compensated`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.constants import ConstantOp
from tf2c.interpreters import new_interpreter

Batches = list[npt.NDArray[Any] | None]
"""A tensor's parts, batch by batch; None where it is not needed any more."""


class Walk:
    """A network's tensors on all calibration images, computed op by op."""

    def __init__(self, function: FuncOp, images: Sequence[npt.NDArray[np.float32]]) -> None:
        """Start in front of the first op, with images in batches."""
        self._interpreter = new_interpreter()
        self.batches = len(images)
        """How many parts tensors have."""
        self._done: set[Operation] = set()
        self._values: dict[SSAValue, Batches] = {function.args[0]: list(images)}

    def batch(self, value: SSAValue, index: int) -> npt.NDArray[Any]:
        """Return a tensor's part."""
        if isinstance(value.owner, ConstantOp):
            return value.owner.value.array
        part = self._values[value][index]
        assert part is not None, "expected a tensor that is still to be read"
        return part

    def run(self, ops: Sequence[Operation]) -> None:
        """Run successive ops, of which only the last one's results are kept."""
        computing = [op for op in ops if not isinstance(op, ConstantOp | ReturnOp)]
        self._done.update(ops)
        if not computing:
            return
        results: list[Batches] = [[] for _ in computing[-1].results]
        inside = {result for op in computing for result in op.results}
        operands = {value for op in computing for value in op.operands} - inside
        finished = [value for value in operands if self._is_finished(value)]
        for index in range(self.batches):
            values: dict[SSAValue, npt.NDArray[Any]] = {}
            for op in computing:
                arguments = tuple(
                    values[value] if value in values else self.batch(value, index)
                    for value in op.operands
                )
                values.update(zip(op.results, self._interpreter.run_op(op, arguments), strict=True))
            for parts, result in zip(results, computing[-1].results, strict=True):
                parts.append(values[result])
            for value in finished:
                self._values[value][index] = None
        for value in finished:
            del self._values[value]
        self._values.update(zip(computing[-1].results, results, strict=True))

    def _is_finished(self, value: SSAValue) -> bool:
        return value in self._values and all(use.operation in self._done for use in value.uses)
