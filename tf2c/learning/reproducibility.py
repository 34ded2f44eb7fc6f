"""PyTorch's random numbers and threads, as a training has them, and as they were before."""

from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(*seeds: int) -> Generator[None]:
    """Let PyTorch draw the numbers that follow from some seeds, for a while."""
    before = torch.random.get_rng_state()
    drawn = int(np.random.SeedSequence(seeds).generate_state(1)[0])
    torch.manual_seed(drawn)  # pyright: ignore[reportUnknownMemberType]
    try:
        yield
    finally:
        torch.random.set_rng_state(before)


@contextmanager
def limited_threads(count: int | None) -> Generator[None]:
    """Let PyTorch have so many threads for a while; it does not know threadpoolctl's limits.

    Args:
        count: None: as many as it has.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
