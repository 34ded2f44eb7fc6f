"""What the drawn networks consist of: a strategy that draws little shows little."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from property.test_networks import ONE_TERM, PROFILE, SMALL_ENGINE, TWO_TERMS, compiled
from xdsl.dialects.builtin import i32
from xdsl.ir import Operation

from tf2c.analysis.constants import constant_array
from tf2c.choices import Choices
from tf2c.dialects import dataflow, graph, int8, layout, shift, tensors
from tf2c.numerics import pow2
from tf2c.testing import Network, networks


def features_of_graph(op: Operation) -> Iterator[str]:
    """Name what is special about an op that no later stage has."""
    match op:
        case graph.ClipOp():
            yield "clip"
        case graph.BatchNormalizationOp():
            yield "batch normalization"
        case graph.AddOp():
            yield "addition"
        case _:
            pass


def features_of_shift(op: Operation) -> Iterator[str]:
    """Name what is special about an op of the shift stage."""
    match op:
        case shift.ConvOp():
            yield from _features_of_convolution(op)
        case int8.RequantizeOp():
            if op.residual is not None:
                yield "residual"
            if op.bounds.get_values()[1] < 127:
                yield "upper bound"
        case int8.MaxPoolOp():
            yield "max pool"
        case int8.AveragePoolOp():
            is_wide = tensors.tensor_type(op.output).element_type == i32
            yield "wide average" if is_wide else "narrow average"
        case layout.ConcatOp() | layout.SliceOp() | layout.PadOp() | layout.ReshapeOp():
            yield op.name
        case _:
            pass


def _features_of_convolution(op: shift.ConvOp) -> Iterator[str]:
    group, channels = op.group.value.data, tensors.extents(op.input)[0]
    filters = tensors.extents(op.output)[0]
    if max(op.dilations.get_values()) > 1:
        yield "dilated"
    if 1 < group == channels:
        yield "depthwise" if filters == channels else "depthwise with multiplier"
    elif group > 1:
        yield "grouped"
    if shift.code_terms(op.weight) == 2:
        yield "two terms"
        if (constant_array(op.weight) >> 4 == pow2.ZERO_CODE).any():
            yield "one term of two"


def features_of_dataflow(op: Operation) -> Iterator[str]:
    """Name what is special about an op of the dataflow stage."""
    match op:
        case dataflow.ConcatOp():
            yield "concatenation in place"
        case dataflow.JobOp():
            engine = dataflow.engine_of(op)
            group = op.group.value.data
            filters, channels = tensors.shape(op.weight)[0], tensors.extents(op.input)[0]
            if engine.tiling(filters, channels, group).step:
                yield "tiles with channels of their own"
            elif group > 1:
                yield "grouped tiles that read all channels"
            if engine.filter_tiles(filters) > 1:
                yield "several tiles"
            if op.is_wide:
                yield "raw" if op.is_raw else "wide"
        case _:
            pass


TWO_TERM_FEATURES = {"two terms", "one term of two"}

EXPECTED = {
    *("clip", "batch normalization", "addition"),
    *("dilated", "depthwise", "depthwise with multiplier", "grouped"),
    *("residual", "upper bound", "max pool", "wide average", "narrow average"),
    *("layout.concat", "layout.slice", "layout.pad", "layout.reshape"),
    *("concatenation in place", "several tiles", "raw", "wide"),
    *("tiles with channels of their own", "grouped tiles that read all channels"),
}


@pytest.mark.parametrize("choices", [ONE_TERM, TWO_TERMS], ids=lambda choices: choices.weights)
def test_every_kind_of_op_is_drawn(choices: Choices) -> None:
    expected = EXPECTED | (TWO_TERM_FEATURES if choices is TWO_TERMS else set[str]())
    drawn: set[str] = set()

    @settings(PROFILE, max_examples=400, database=None)
    @given(networks())
    def look(network: Network) -> None:
        if drawn >= expected:
            return  # the rest of the examples costs nothing
        for op in network.module.walk():
            drawn.update(features_of_graph(op))
        for op in compiled(network, "shift", choices).module.walk():
            drawn.update(features_of_shift(op))
        for op in compiled(network, "dataflow", choices, SMALL_ENGINE).module.walk():
            drawn.update(features_of_dataflow(op))

    look()

    assert drawn == expected


def test_unaligned_concatenations_are_drawn() -> None:
    unaligned: list[bool] = []

    @settings(PROFILE, database=None)
    @given(networks())
    def look(network: Network) -> None:
        for op in network.module.walk():
            if isinstance(op, layout.ConcatOp):
                extents = [tensors.extents(each)[0] for each in op.inputs]
                unaligned.append(bool(np.any(np.array(extents[:-1]) % 8)))

    look()
    assert any(unaligned)
