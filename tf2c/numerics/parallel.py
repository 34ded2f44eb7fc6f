"""The same work on many items at once, on as many threads as matrix products may use.

numpy lets other threads run while it copies and multiplies. Splitting a batch over threads, each
with a single-threaded matrix product, keeps them busy where the products are small, and does not
suffer as spinning threads of one product do when the machine has other work.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from contextvars import copy_context
from functools import cache
from math import prod
from typing import Any, TypeVar, cast

from threadpoolctl import ThreadpoolController

ItemT = TypeVar("ItemT")

BLOCK_ELEMENTS = 1 << 17
"""Of an array that is gone through several times: within a core's cache, and so many that threads
do not wait for each other between two blocks."""


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="tf2c")


def thread_count() -> int:
    """Return how many threads a matrix product may use now."""
    # threadpoolctl has no types.
    libraries = cast(list[dict[str, Any]], _controller().info())
    return max((int(library["num_threads"]) for library in libraries), default=1)


def for_each(work: Callable[[ItemT], object], items: Sequence[ItemT]) -> None:
    """Do some work on every item; the order is not defined.

    Args:
        work: must not call `for_each` itself, nor write to what another item's work touches.
        items: to work on.
    """
    threads = thread_count() if len(items) > 1 else 1
    if threads == 1:
        for item in items:
            work(item)
        return
    with cast(AbstractContextManager[object], cast(Any, _controller()).limit(limits=1)):
        # Each in a copy of the caller's context, in which numpy keeps what overflow means.
        contexts = [copy_context() for _ in items]

        def in_context(index: int) -> None:
            contexts[index].run(work, items[index])

        # A list, so that exceptions are raised here.
        list(_pool(threads).map(in_context, range(len(items))))


def row_blocks(shape: Sequence[int]) -> list[slice]:
    """Return parts of an array's rows that are large enough to pay and small enough for a cache."""
    elements = max(prod(shape[1:]), 1)
    rows = max(BLOCK_ELEMENTS // elements, 1)
    return [slice(first, first + rows) for first in range(0, shape[0], rows)]
