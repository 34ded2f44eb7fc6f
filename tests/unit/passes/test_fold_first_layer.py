"""Every way to fold an image computes the same as the convolution that it was."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp

from tf2c.backends.program import emit_program
from tf2c.choices import STAGES, Choices, stage_passes
from tf2c.dialects import dataflow
from tf2c.engine import Engine
from tf2c.image_source import ArrayImages
from tf2c.interpreters import run
from tf2c.ir_files import new_context
from tf2c.passes.dataflow import fold_first_layer
from tf2c.passes.pipeline import PassPipeline
from tf2c.passes.rewriting import network_function
from tf2c.runtime.session import Session
from tf2c.runtime.simulator import Simulator
from tf2c.testing import Network, Step, build_network

PLACING = ("allocate-memory", "check-placement")

ENGINE = Engine(filter_vector=4, channel_vector=2, pixel_vector=3)


def as_jobs(network: Network, weights: str) -> ModuleOp:
    """Lower a network up to jobs, the image as it is."""
    module, context = network.module.clone(), new_context()
    context.calibration = ArrayImages(network.images)
    for stage in STAGES:
        passes = stage_passes(stage, ENGINE, Choices(weights=weights, method="nearest"))
        for each in passes:
            if each.name in ("fold-first-layer", "choose-splits", *PLACING):
                continue
            PassPipeline([each]).run(module, context=context)
    return module


def image_and_job(module: ModuleOp) -> tuple[dataflow.InputOp, dataflow.JobOp]:
    ops = list(network_function(module).body.block.ops)
    image = next(op for op in ops if isinstance(op, dataflow.InputOp))
    job = next(op for op in ops if isinstance(op, dataflow.JobOp))
    return image, job


def folded_modules(module: ModuleOp) -> Iterator[ModuleOp]:
    """Yield a module with its image folded in every way."""
    _, job = image_and_job(module)
    count = len(list(fold_first_layer._foldings(job, ENGINE)))  # pyright: ignore[reportPrivateUsage]
    for index in range(count):
        folded = module.clone()
        image, job = image_and_job(folded)
        foldings = list(fold_first_layer._foldings(job, ENGINE))  # pyright: ignore[reportPrivateUsage]
        fold_first_layer._fold(image, job, foldings[index])  # pyright: ignore[reportPrivateUsage]
        folded.verify()
        yield folded


@pytest.mark.parametrize("weights", ["shift1", "shift2"])
@settings(max_examples=20)
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(4, 9), st.integers(4, 9)),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    pad=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_every_folding_computes_the_same(
    weights: str, shape: tuple[int, int, int], kernel: int, stride: int, pad: int, seed: int
) -> None:
    step = Step(
        kind=0,
        operand=0,
        filters=5,
        kernel=kernel,
        stride=stride,
        pad=min(pad, kernel - 1),
        has_bias=True,
    )
    network = build_network(shape, [step], seed)
    module = as_jobs(network, weights)
    expected = run(module, network.images)
    foldings = 0
    for folded in folded_modules(module):
        foldings += 1
        assert np.array_equal(run(folded, network.images), expected)
        PassPipeline("choose-splits,allocate-memory").run(folded)
        program, packed, _ = emit_program(folded)
        program.expect_fits(packed)
        simulated = Session(Simulator(), program, packed).run(network.images)
        assert np.array_equal(simulated.stored, expected)
    assert foldings >= 1
