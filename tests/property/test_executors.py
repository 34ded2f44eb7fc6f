"""Random networks on every executor: the same integers everywhere."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from property.test_networks import ONE_TERM, PROFILE, TWO_TERMS, compiled
from xdsl.ir import SSAValue

from tf2c.choices import Choices
from tf2c.executors import ENGINES
from tf2c.executors.executor import Executor
from tf2c.interpreters import run_all
from tf2c.testing import Network, networks

BATCH = 2
"""Less than the drawn networks have images, so that a last batch is incomplete."""


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    ("choices", "stage"),
    [
        (ONE_TERM, "shift"),
        (TWO_TERMS, "shift"),
        (Choices(weights="int8", activations="uint8", method="nearest"), "int8"),
        (Choices(weights="int8", scales="minmax", method="nearest"), "int8"),
    ],
    ids=lambda each: "-".join(map(str, vars(each).values())) if isinstance(each, Choices) else "",
)
@settings(PROFILE, max_examples=25)
@given(network=networks())
def test_every_executor_computes_what_the_interpreter_does(
    name: str, choices: Choices, stage: str, network: Network
) -> None:
    module = compiled(network, stage, choices).module
    executor = Executor(module, ENGINES[name](), BATCH)
    executor.self_test(seed=1)
    parts: dict[SSAValue, list[npt.NDArray[np.integer]]] = {}

    def listen(value: SSAValue, array: npt.NDArray[np.integer]) -> None:
        parts.setdefault(value, []).append(array)

    for results in (executor.run(network.images), executor.run(network.images, listen)):
        for found, expected in zip(results, run_all(module, network.images), strict=True):
            np.testing.assert_array_equal(found, expected, strict=True)
    assert all(sum(map(len, arrays)) == len(network.images) for arrays in parts.values())
