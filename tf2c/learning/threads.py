"""Threads that each run PyTorch on a part of the images.

PyTorch's own threads wait for each other busily after every op, which on a virtual machine can
take several times as long as the op. Parts of a batch need to wait only once, and their sums have a
fixed order.
"""

from collections.abc import Callable

import torch

from tf2c.numerics import parallel


def in_single_threads(work: Callable[[int], object], count: int) -> None:
    """Do some work for 0 to `count - 1`, each in a thread in which PyTorch uses no others."""
    threads = torch.get_num_threads()

    def alone(index: int) -> None:
        torch.set_num_threads(1)  # of the thread that says it
        work(index)

    try:
        parallel.for_each(alone, range(count))
    finally:
        torch.set_num_threads(threads)
