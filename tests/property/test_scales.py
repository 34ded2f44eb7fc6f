"""Networks whose numbers make it hard to choose scales: each once went wrong."""

import numpy as np
import numpy.typing as npt
import pytest
from xdsl.builder import Builder
from xdsl.dialects.builtin import ModuleOp, i8
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from tf2c.choices import (
    DEFAULT_ENGINE,
    STAGE_NAMES,
    Choices,
    stage_passes,
)
from tf2c.dialects import dataflow, graph, layout, tensors
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.scales import SCALE, Pow2Attr, scaled_type
from tf2c.dialects.tensors import i64_array
from tf2c.dialects.windows import PoolingWindow
from tf2c.errors import UserError
from tf2c.image_source import ArrayImages
from tf2c.interpreters import ENTRY, run
from tf2c.ir_files import new_context
from tf2c.passes import STAGES
from tf2c.passes.check import ContractChecker, ContractError, real_result
from tf2c.passes.dataflow.allocate_memory import AllocateMemoryPass
from tf2c.passes.pipeline import PassPipeline

Array = npt.NDArray[np.float32]


class Net:
    """A network of 1x1 convolutions, built by hand."""

    def __init__(self, channels: int) -> None:
        kind = graph.images_type((channels, 1, 3))
        self.function = FuncOp(ENTRY, ([kind], [kind]))
        self.input: SSAValue = self.function.args[0]
        self._builder = Builder(InsertPoint.at_end(self.function.body.block))

    def constant(self, array: object) -> SSAValue:
        blob = BlobAttr.of(np.array(array, np.float32))
        return self._builder.insert(graph.ConstantOp(blob)).output

    def conv(self, value: SSAValue, weight: object, bias: object = None) -> SSAValue:
        rows = self.constant(np.array(weight, np.float32)[:, :, None, None])
        start = None if bias is None else self.constant(bias)
        return self._builder.insert(graph.ConvOp(value, rows, start)).output

    def relu(self, value: SSAValue) -> SSAValue:
        return self._builder.insert(graph.ReluOp(value)).output

    def add(self, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
        return self._builder.insert(graph.AddOp(lhs, rhs)).output

    def clip(self, value: SSAValue, lower: float, upper: float) -> SSAValue:
        return self._builder.insert(graph.ClipOp(value, lower, upper)).output

    def flatten(self, value: SSAValue) -> SSAValue:
        return self._builder.insert(layout.flatten(value)).output

    def concat(self, *values: SSAValue) -> SSAValue:
        return self._builder.insert(layout.ConcatOp(values, axis=1)).output

    def average(self, value: SSAValue, *kernel: int) -> SSAValue:
        window = PoolingWindow(i64_array(kernel))
        return self._builder.insert(graph.AveragePoolOp(value, window)).output

    def returning(self, value: SSAValue) -> ModuleOp:
        self._builder.insert(ReturnOp(value))
        self.function.update_function_type()
        return ModuleOp([self.function])


ONE_TERM = Choices(method="nearest")


def results(
    module: ModuleOp, images: Array, choices: Choices = ONE_TERM
) -> dict[str, npt.NDArray[np.float64]]:
    """Return the real results of every stage that the choices reach."""
    found = {"float": real_result(module, run(module, images))}
    context = new_context()
    context.calibration = ArrayImages(images)
    for stage in STAGES[: STAGE_NAMES.index(choices.last_stage(None)) + 1]:
        pipeline = PassPipeline(stage_passes(stage, DEFAULT_ENGINE, choices))
        pipeline.run(module, context=context, check=True)
        found[stage.name] = real_result(module, run(module, images))
    found["notes"] = np.array(len(context.notes))
    return found


def relative_error(found: dict[str, npt.NDArray[np.float64]], stage: str) -> float:
    return float(np.abs(found[stage] - found["float"]).max() / np.abs(found["float"]).max())


def row(*numbers: float) -> Array:
    return np.array(numbers, np.float32).reshape(1, 1, 1, 3)


@pytest.mark.parametrize("bias", [-1e6, -1e9])
def test_a_huge_bias_does_not_wrap_around(bias: float) -> None:
    net = Net(1)
    hidden = net.relu(net.conv(net.input, [[1], [-1]], [0, bias]))
    found = results(net.returning(net.conv(hidden, [[1, 1]])), row(0, 0.5, 1))
    assert relative_error(found, "int8") < 0.02
    assert relative_error(found, "shift") < 0.02


def test_a_tiny_residual_does_not_drag_the_sum_down() -> None:
    net = Net(1)
    tiny = net.conv(net.input, [[1e-13]])
    total = net.relu(net.add(net.conv(net.input, [[0.5]]), tiny))
    found = results(net.returning(net.conv(total, [[1]])), row(0, 0.5, 1))
    assert relative_error(found, "shift") < 0.05


def test_a_branch_of_zeros_does_not_coarsen_the_others() -> None:
    net = Net(1)
    dead = net.relu(net.conv(net.input, [[1]], [-100]))
    total = net.add(net.conv(dead, [[1]]), net.input)
    found = results(net.returning(net.conv(total, [[1]])), row(-0.3, 0.5, 1))
    assert relative_error(found, "int8") < 0.03


def test_images_of_zeros_are_refused() -> None:
    net = Net(1)
    module = net.returning(net.conv(net.input, [[1]]))
    with pytest.raises(UserError, match="got only zeros"):
        results(module, row(0, 0, 0))


def test_a_filter_of_zeros_keeps_its_bias() -> None:
    net = Net(1)
    found = results(net.returning(net.conv(net.input, [[0], [1]], [0.003, 0])), row(0, 100, 255))
    np.testing.assert_allclose(found["shift"][0, 0], 0.003, rtol=1e-3)


def test_a_step_that_must_be_coarser_is_noted() -> None:
    net = Net(2)
    hidden = net.conv(net.input, [[1000, -1000], [1, 0.5]])
    images = np.concatenate([row(0.1, 0.5, 1)] * 2, axis=1)
    found = results(net.returning(net.conv(net.relu(hidden), [[1, 1]])), images)
    assert found["notes"] > 0


def test_flattened_sums_of_one_pixel_stay_accumulators() -> None:
    net = Net(1)
    weight = net.constant(np.ones((2, 1, 1, 3)))
    sums = net._builder.insert(graph.ConvOp(net.input, weight)).output  # pyright: ignore[reportPrivateUsage]
    module = net.returning(net.flatten(sums))
    results(module, row(0, 0.5, 1))
    (job,) = (op for op in module.walk() if isinstance(op, dataflow.JobOp))
    assert job.is_raw


def test_a_lost_scale_is_not_exact() -> None:
    """The same bits that stand for other numbers break the contract of an exact pass."""
    net = Net(1)
    module = net.returning(net.relu(net.conv(net.input, [[1]])))
    images = row(0, 0.5, 1)
    results(module, images)
    checker = ContractChecker(module, images)
    for op in module.walk():
        if isinstance(op, dataflow.JobOp):
            kind = scaled_type(i8, tensors.shape(op.output), Pow2Attr([3]))
            Rewriter.replace_value_with_new_type(op.output, kind)
    net.function.update_function_type()
    with pytest.raises(ContractError, match="expected the same numbers"):
        checker.check(AllocateMemoryPass(), module)


TWO_TERMS = Choices(weights="shift2", method="nearest")
UNSIGNED = Choices(weights="int8", activations="uint8", method="nearest")


@pytest.mark.parametrize("choices", [ONE_TERM, TWO_TERMS, UNSIGNED], ids=str)
def test_concatenated_branches_of_unlike_sizes_keep_the_larger(choices: Choices) -> None:
    net = Net(1)
    small = net.relu(net.conv(net.input, [[2**-10]]))
    large = net.relu(net.conv(net.input, [[2]]))
    joined = net.concat(small, net.input, large)
    found = results(net.returning(net.conv(joined, [[1, 1, 1]])), row(0.1, 0.5, 1), choices)
    assert relative_error(found, choices.last_stage(None)) < 0.02


def annotated_scale(value: SSAValue) -> Attribute:
    assert isinstance(value.owner, Operation)
    return value.owner.attributes[SCALE]


def test_all_that_meets_in_concatenations_shares_a_scale() -> None:
    net = Net(1)
    first = net.conv(net.input, [[4]])
    inner = net.concat(net.input, first)
    second = net.conv(net.input, [[0.25]])
    alone = net.conv(net.input, [[0.5]])
    outer = net.concat(inner, second)
    sums = net.conv(outer, [[1, 1, 1]])
    module = net.returning(sums)
    context = new_context()
    context.calibration = ArrayImages(row(-0.5, 0.5, 1))
    PassPipeline("choose-scales").run(module, context=context)

    assert net.function.arg_attrs is not None
    argument = net.function.arg_attrs.data[0].data[SCALE]
    scales = [annotated_scale(value) for value in (first, second, alone)]

    assert scales[0] == scales[1] == argument
    assert scales[2] != argument


def test_a_layer_that_shares_its_inputs_scale_saturates_rather_than_asking_for_ever() -> None:
    """A weight of 3 between tensors of one scale would need a smaller shift than the engine has."""
    net = Net(1)
    joined = net.concat(net.input, net.conv(net.input, [[3]]))
    found = results(net.returning(net.conv(joined, [[1, 1]])), row(0.1, 0.5, 1))
    assert np.isfinite(found["shift"]).all()
    assert found["notes"] == 1


@pytest.mark.parametrize("choices", [ONE_TERM, TWO_TERMS, UNSIGNED], ids=str)
def test_a_clip_beyond_all_numbers_is_none(choices: Choices) -> None:
    net = Net(1)
    clipped = net.clip(net.conv(net.input, [[1]]), 0, 1e30)
    found = results(net.returning(net.conv(clipped, [[1]])), row(-0.5, 0.5, 1), choices)
    assert relative_error(found, choices.last_stage(None)) < 0.02


def test_a_clip_keeps_its_upper_bound_to_a_step() -> None:
    net = Net(1)
    clipped = net.clip(net.conv(net.input, [[10]]), 0, 6)
    found = results(net.returning(net.conv(clipped, [[1]])), row(0.1, 0.7, 1))
    np.testing.assert_allclose(found["int8"][0, 0, 0, 1:], 6, rtol=2**-7)


@pytest.mark.parametrize("choices", [ONE_TERM, TWO_TERMS, UNSIGNED], ids=str)
def test_averages_keep_more_than_8_bits_as_a_result(choices: Choices) -> None:
    net = Net(1)
    mean = net.average(net.input, 1, 3)
    found = results(net.returning(mean), row(-0.3, 0.5, 127 / 128), choices)
    np.testing.assert_allclose(found["int8"], found["float"], atol=2**-8 + 2**-9)


def test_an_average_of_numbers_that_cancel_has_fine_steps_of_its_own() -> None:
    net = Net(1)
    mean = net.average(net.input, 1, 3)
    found = results(net.returning(net.conv(mean, [[1]])), row(-1, 0.5, 0.5 + 2**-6))
    assert relative_error(found, "shift") < 0.5
    assert found["shift"].any()
