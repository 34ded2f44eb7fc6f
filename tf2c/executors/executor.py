"""Executors: a network's integers, computed by whatever is fast and proven exact.

An *engine* takes over the steps whose exactness it can prove from the weights and the tensors'
bounds; NumPy does the others, in floating point that is proven exact or with the interpreter of the
IR, which is the definition. Every executor is tested against that interpreter when it is opened,
and a difference is an error: a faster executor never changes a number.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.interpreter import Interpreter
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.constants import ConstantOp, constant_array
from tf2c.dialects import int8, tensors
from tf2c.dialects.scales import scale_of, storage_bounds, storage_dtype
from tf2c.executors.steps import (
    Layer,
    LayerSums,
    Step,
    is_plain,
    kernel_weights,
    network_function,
    network_steps,
    step_name,
    window_of,
)
from tf2c.interpreters import new_interpreter
from tf2c.numerics import parallel
from tf2c.numerics.fused_layers import AccumulatorLayer, FusedLayer

Array = npt.NDArray[Any]
Values = dict[SSAValue, Array]

Compiled = Callable[[Sequence[Array]], Sequence[Array]]
"""From a segment's inputs to its outputs, for a batch of any size up to the executor's."""

Listener = Callable[[SSAValue, Array], None]
"""Told the tensors of a batch; it may not change them."""

SELF_TEST_IMAGES = 2


class ExecutorMismatchError(Exception):
    """An executor's integers differ from those of the interpreter: a bug, of ours or of a library.

    Nothing was computed with it.
    """


@dataclass(frozen=True, eq=False)
class Segment:
    """Successive steps that are done together."""

    steps: Sequence[Step]
    inputs: Sequence[SSAValue]
    """Tensors that come from elsewhere."""
    outputs: Sequence[SSAValue]
    """Tensors that are used elsewhere."""
    is_alone: bool = False
    """Whether all layers are in here, so that nobody else needs the processor's threads."""


class Engine(Protocol):
    """A library that can do some steps exactly."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def objection(self, step: Step) -> str | None:
        """Return why a step is left to NumPy, or None where it is proven exact here."""
        ...

    def compile(self, segment: Segment, batch: int) -> Compiled:
        """Prepare steps without objection for batches of at most this many images."""
        ...


@dataclass(frozen=True)
class Assignment:
    """Who does a step, and why not the engine."""

    layer: str
    op: str
    executor: str
    """The engine, or `numpy`, or `interpreter` where floating point is not proven exact."""
    reason: str
    """Empty where the engine does it."""


class NumpyEngine:
    """The default: needs nothing but NumPy."""

    name = "numpy"

    def objection(self, step: Step) -> str | None:
        """Return that floating point is not exact, where that is so."""
        if isinstance(step, Layer) and step.requantization.exact_type() is None:
            return "no floating type holds its sums exactly"
        return None

    def compile(self, segment: Segment, batch: int) -> Compiled:
        """Prepare one step."""
        (step,) = segment.steps
        if isinstance(step, Layer):
            whole = FusedLayer(
                step.weights, step.bias, step.window, step.requantization, step.dtype
            )
            operands = step.operands
        elif isinstance(step, LayerSums) and is_plain(step):
            weights, bias = kernel_weights(step), constant_array(step.bias)
            whole = AccumulatorLayer(weights, bias, window_of(step), storage_dtype(step.input))
            operands = (step.input,)
        else:
            return _interpreted([step], segment)
        is_matrix = len(tensors.shape(step.results[0])) == 2
        # A layer may add its own input, which is one array then.
        places = [segment.inputs.index(value) for value in operands]

        def run(arrays: Sequence[Array]) -> Sequence[Array]:
            if is_matrix:
                arrays = [array[:, :, None, None] for array in arrays]
            result = whole(*(arrays[place] for place in places))
            return (result[:, :, 0, 0] if is_matrix else result,)

        return run


def _interpreted(ops: Sequence[Operation], segment: Segment) -> Compiled:
    """Return what runs ops in the interpreter."""
    interpreter: Interpreter = new_interpreter()

    def run(arrays: Sequence[Array]) -> Sequence[Array]:
        values = dict(zip(segment.inputs, arrays, strict=True))
        for op in ops:
            operands = tuple(
                value.owner.value.array if isinstance(value.owner, ConstantOp) else values[value]
                for value in op.operands
            )
            values.update(zip(op.results, interpreter.run_op(op, operands), strict=True))
        return [values[value] for value in segment.outputs]

    return run


class Executor:
    """A network made ready to run on batches of images."""

    def __init__(self, module: ModuleOp, engine: Engine | None = None, batch: int = 8) -> None:
        """Divide the network among an engine and NumPy, and prepare both.

        Args:
            module: IR of stage `int8` or `shift`, verified.
            engine: what takes the steps that it can do exactly; NumPy alone by default.
            batch: images that are run at once.
        """
        self._function = network_function(module)
        self._engine = engine or NumpyEngine()
        self._batch = batch
        self._returned = [
            operand
            for op in self._function.body.block.ops
            if isinstance(op, ReturnOp)
            for operand in op.operands
        ]
        steps = list(network_steps(self._function))
        self._layer_count = sum(isinstance(step, Layer | LayerSums) for step in steps)
        objections = {id(step): self._engine.objection(step) for step in steps}
        self.assignments = [self._assignment(step, objections[id(step)]) for step in steps]
        self._segments = list(self._divided(steps, objections))
        self._programs: dict[bool, list[tuple[Segment, Compiled]]] = {}
        self._program(captures=False)

    @property
    def name(self) -> str:
        """The engine's."""
        return self._engine.name

    def _assignment(self, step: Step, objection: str | None) -> Assignment:
        op = step.sums.name if isinstance(step, Layer) else step.name
        executor = self.name
        if objection is not None:
            by_numpy = self.name != NumpyEngine.name
            by_numpy = by_numpy and NumpyEngine().objection(step) is None
            executor = NumpyEngine.name if by_numpy else "interpreter"
        return Assignment(step_name(step), op, executor, objection or "")

    def _divided(
        self, steps: Sequence[Step], objections: Mapping[int, str | None]
    ) -> Iterator[tuple[Segment, Engine | None]]:
        """Yield segments with their engines; None stands for the interpreter."""
        numpy = NumpyEngine()

        def engine_of(step: Step) -> Engine | None:
            if objections[id(step)] is None:
                return self._engine
            return numpy if numpy.objection(step) is None else None

        for engine, group in groupby(steps, engine_of):
            together = list(group)
            if engine is None or isinstance(engine, NumpyEngine):
                for step in together:
                    yield self._segment([step]), engine
            else:
                yield self._segment(together), engine

    def _segment(self, steps: Sequence[Step], every_result: bool = False) -> Segment:
        made = {value for step in steps for value in step.results}
        inputs: dict[SSAValue, None] = {}
        for step in steps:
            for value in step.operands:
                if value not in made and not isinstance(value.owner, ConstantOp):
                    inputs[value] = None
        inside: set[Operation] = set()
        for step in steps:
            inside |= {step.sums, step.stored} if isinstance(step, Layer) else {step}
        outputs = [
            value
            for step in steps
            for value in step.results
            if every_result or any(use.operation not in inside for use in value.uses)
        ]
        layers = [step for step in steps if isinstance(step, Layer | LayerSums)]
        return Segment(steps, list(inputs), outputs, len(layers) == self._layer_count)

    def _program(self, captures: bool) -> list[tuple[Segment, Compiled]]:
        """Return the prepared segments; all their tensors are outputs if they are captured."""
        if captures not in self._programs:
            program: list[tuple[Segment, Compiled]] = []
            for segment, engine in self._segments:
                own = self._segment(segment.steps, every_result=True) if captures else segment
                if engine is None:
                    compiled = _interpreted(list(_ops(own.steps)), own)
                else:
                    compiled = engine.compile(own, self._batch)
                program.append((own, compiled))
            self._programs[captures] = program
        return self._programs[captures]

    def run(self, images: Array, listener: Listener | None = None) -> tuple[Array, ...]:
        """Run the network.

        Args:
            images: as the network's argument says, `[N, ...]`.
            listener: told every stored tensor, batch by batch.

        Returns:
            what the network returns, as `interpreters.run_all` does.
        """
        with parallel.claimed_threads():
            parts = [
                self._run_batch(images[first : first + self._batch], listener)
                for first in range(0, len(images), self._batch)
            ]
        return tuple(np.concatenate(pieces) for pieces in zip(*parts, strict=True))

    def _run_batch(self, images: Array, listener: Listener | None) -> list[Array]:
        program = self._program(captures=listener is not None)
        values: Values = {self._function.body.block.args[0]: images}
        last_use = {
            value: index for index, (segment, _) in enumerate(program) for value in segment.inputs
        }
        for index, (segment, compiled) in enumerate(program):
            arrays = compiled([values[value] for value in segment.inputs])
            for value, array in zip(segment.outputs, arrays, strict=True):
                values[value] = array
                if listener is not None:
                    listener(value, array)
            # What nobody needs any more makes room for the next.
            for value in (*segment.inputs, *segment.outputs):
                if last_use.get(value, -1) <= index and value not in self._returned:
                    values.pop(value, None)
        return [values[value] for value in self._returned]

    def self_test(self, seed: int = 0) -> None:
        """Compare every tensor and every result with the interpreter's, on random images.

        Raises:
            ExecutorMismatchError: they differ.
        """
        images = random_images(self._function.body.block, SELF_TEST_IMAGES, seed)
        expected = _interpreted_values(self._function, images)
        found: defaultdict[SSAValue, list[Array]] = defaultdict(list)
        self.run(images, lambda value, array: found[value].append(array))
        captured = [(value, np.concatenate(parts)) for value, parts in found.items()]
        results = zip(self._returned, self.run(images), strict=True)
        for value, array in (*captured, *results):
            different = int(np.count_nonzero(array != expected[value]))
            if different or array.dtype != expected[value].dtype:
                assert isinstance(value.owner, Operation)
                name = step_name(value.owner)
                raise ExecutorMismatchError(
                    f"executor `{self.name}`: layer `{name}`: {different} of {array.size} numbers "
                    f"differ from the interpreter's (seed {seed})"
                )


def _ops(steps: Sequence[Step]) -> Iterator[Operation]:
    for step in steps:
        if isinstance(step, Layer):
            yield from (step.sums, step.stored)
        else:
            yield step


def random_images(block: Any, count: int, seed: int) -> Array:
    """Return random images for a network's argument that use the whole range of its numbers.

    Where the argument is float32, they are quarters of steps, a quarter of which are ties that the
    first quantization rounds.
    """
    argument: SSAValue = block.args[0]
    stored = argument
    for use in argument.uses:
        if isinstance(use.operation, int8.QuantizeOp):
            stored = use.operation.output
    element_type = tensors.tensor_type(stored).element_type
    low, high = storage_bounds(element_type)
    generator = np.random.default_rng(seed)
    shape = (count, *tensors.extents(argument))
    if stored is argument:
        return generator.integers(low, high + 1, shape).astype(np.int8)
    exponent = int(scale_of(stored).values[0])
    quarters = generator.integers(4 * low, 4 * high + 1, shape)
    return np.ldexp(quarters.astype(np.float32), exponent - 2)


def _interpreted_values(function: Any, images: Array) -> Values:
    """Return every tensor of a network as the interpreter computes it."""
    values: Values = {}

    class Recorder(Interpreter.Listener):
        def did_interpret_op(self, op: Operation, results: Sequence[Any]) -> None:
            values.update(zip(op.results, results, strict=True))

    interpreter = new_interpreter(Recorder())
    interpreter.call_op(function, (images,))
    return values
