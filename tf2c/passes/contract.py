"""What a pass promises about the results of the network that it rewrites."""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.passes import ModulePass
from xdsl.utils.str_enum import StrEnum


class Contract(StrEnum):
    """How the network's results before and after a pass relate; `--check` tests it."""

    EXACT = "exact"
    """Every bit of every result is the same."""
    EQUIVALENT = "equivalent"
    """Float results agree within a relative error of `EQUIVALENT_TOLERANCE`."""
    APPROXIMATE = "approximate"
    """Results change; the pass says by what metric, and `--check` reports it."""
    ANALYSIS = "analysis"
    """Results are the same bits; the pass only looks, refuses or annotates."""


EQUIVALENT_TOLERANCE = 1e-5
"""Largest admitted difference, relative to the largest result."""


@dataclass(frozen=True)
class CompilerPass(ModulePass):
    """A pass of tf2c: xDSL's `ModulePass` with a contract."""

    contract: ClassVar[Contract]
    looks_at_images: ClassVar[bool] = False
    """Whether it needs calibration images."""
