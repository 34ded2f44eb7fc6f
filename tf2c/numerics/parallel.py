"""The same work on many items at once, on as many threads as matrix products may use.

numpy lets other threads run while it copies and multiplies. Splitting a batch over threads, each
with a single-threaded matrix product, keeps them busy where the products are small, and does not
suffer as spinning threads of one product do when the machine has other work: one image of ResNet-50
on two cores took 0.52 of their time beside a process that keeps one core busy. (On an idle machine,
where waking a thread up is what counts, it took 1.15 to 1.26 of it.)
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar, copy_context
from functools import cache
from math import prod
from typing import Any, TypeVar, cast

from threadpoolctl import ThreadpoolController

ItemT = TypeVar("ItemT")

_claimed: ContextVar[int | None] = ContextVar("threads that `for_each` has", default=None)

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
    """Return how many threads a matrix product may use now, or `for_each` in its stead."""
    claimed = _claimed.get()
    if claimed is not None:
        return claimed
    # threadpoolctl has no types.
    libraries = cast(list[dict[str, Any]], _controller().info())
    return max((int(library["num_threads"]) for library in libraries), default=1)


@contextmanager
def claimed_threads() -> Generator[int]:
    """Give the threads of matrix products to `for_each` for a while, and say how many there are.

    It does so by itself, too, each time; this is for work of many small pieces.
    """
    if _claimed.get() is not None:
        yield thread_count()
        return
    threads = thread_count()
    token = _claimed.set(threads)
    try:
        with cast(AbstractContextManager[object], cast(Any, _controller()).limit(limits=1)):
            yield threads
    finally:
        _claimed.reset(token)


def for_each(work: Callable[[ItemT], object], items: Sequence[ItemT]) -> None:
    """Do some work on every item; the order is not defined.

    Args:
        work: must not call `for_each` itself, nor write to what another item's work touches.
        items: to work on.
    """
    if len(items) == 1 or thread_count() == 1:
        for item in items:
            work(item)
        return
    pending = deque(items)

    def work_off() -> None:
        for item in _taken(pending):
            work(item)

    with claimed_threads() as threads:
        # The calling thread is one of them: what is small does not wait for others to wake up. Each
        # in a copy of the caller's context, in which numpy keeps what overflow means.
        helpers = [
            _pool(threads).submit(copy_context().run, work_off)
            for _ in range(min(threads, len(items)) - 1)
        ]
        try:
            work_off()
        finally:
            pending.clear()
            wait(helper for helper in helpers if not helper.cancel())
        for helper in helpers:
            if not helper.cancelled():
                helper.result()  # raises what its work raised


def _taken(pending: deque[ItemT]) -> Iterator[ItemT]:
    """Yield what is left until nothing is; several threads may take from it."""
    while pending:
        try:
            item = pending.popleft()
        except IndexError:
            return  # another thread took the last
        yield item


def row_blocks(shape: Sequence[int]) -> list[slice]:
    """Return parts of an array's rows that are large enough to pay and small enough for a cache."""
    elements = max(prod(shape[1:]), 1)
    rows = max(BLOCK_ELEMENTS // elements, 1)
    return [slice(first, first + rows) for first in range(0, shape[0], rows)]
