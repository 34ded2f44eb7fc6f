"""Work on many items: all of it done once, errors raised, the caller's context kept."""

import threading
from collections import Counter

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from tf2c.numerics import parallel


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_every_item_is_worked_on_once(threads: int, count: int) -> None:
    done: Counter[int] = Counter()
    lock = threading.Lock()

    def work(item: int) -> None:
        with lock:
            done[item] += 1

    with threadpool_limits(threads):
        parallel.for_each(work, range(count))
    assert done == Counter(range(count))


def test_several_threads_work_at_once() -> None:
    # Nobody gets through alone.
    meeting = threading.Barrier(3, timeout=20)
    with threadpool_limits(3):
        if parallel.thread_count() < 3:
            pytest.skip("matrix products have fewer threads here")
        parallel.for_each(lambda _: meeting.wait(), range(3))


@pytest.mark.parametrize("failing", range(4))
def test_errors_of_any_item_are_raised(failing: int) -> None:
    def work(item: int) -> None:
        if item == failing:
            raise IndexError(item)

    with threadpool_limits(2), pytest.raises(IndexError, match=str(failing)):
        parallel.for_each(work, range(4))


def test_errors_in_another_thread_are_raised_here() -> None:
    meeting = threading.Barrier(2, timeout=20)  # so that each thread has one item
    caller = threading.current_thread()

    def work(_: int) -> None:
        meeting.wait()
        if threading.current_thread() is not caller:
            raise IndexError("elsewhere")

    with threadpool_limits(2):
        if parallel.thread_count() < 2:
            pytest.skip("matrix products have one thread here")
        with pytest.raises(IndexError, match="elsewhere"):
            parallel.for_each(work, range(2))


def test_what_overflow_means_is_the_callers() -> None:
    def overflow(_: int) -> None:
        np.multiply(np.float32(3e38), np.float32(10))

    with threadpool_limits(2), np.errstate(over="raise"), pytest.raises(FloatingPointError):
        parallel.for_each(overflow, range(4))
    with threadpool_limits(2), np.errstate(over="ignore"):
        parallel.for_each(overflow, range(4))


def test_claimed_threads_are_taken_from_matrix_products_and_given_back() -> None:
    with threadpool_limits(2):
        before = parallel.thread_count()
        with parallel.claimed_threads() as threads, parallel.claimed_threads() as again:
            assert threads == again == parallel.thread_count() == before
            parallel.for_each(lambda _: None, range(3))
        assert parallel.thread_count() == before
