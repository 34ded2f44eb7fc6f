"""Heaps in tables, and tables without owners, for loops that numba compiles.

Whoever changes this file removes `__pycache__`: numba's cache of a function that has this compiled
into it looks at that function's own file.
"""

from typing import Any

import numba
import numba.extending

from tf2c.orchestration.traces import Numbers

compiled: Any = numba.njit(cache=True, inline="always", error_model="numpy")


def _without_owner(context: Any, array: Any) -> Any:
    """Return an array whose references nobody counts, because the caller keeps it."""

    def generate(target: Any, builder: Any, _: Any, arguments: Any) -> Any:
        found = target.make_array(array)(target, builder, arguments[0])
        found.meminfo = found.meminfo.type(None)
        found.parent = found.parent.type(None)
        return found._getvalue()

    return array(array), generate


borrowed: Any = numba.extending.intrinsic(_without_owner)


# Of heaps, whose rows are in order of the first two.
KEY, ITEM, WORKER = range(3)


@compiled
def push(heap: Numbers, size: int, key: int, item: int, worker: int) -> None:
    """Put an item into a heap of so many; the least key goes first, then the least item."""
    place = size
    while place:
        parent = (place - 1) >> 2
        above = heap[parent, KEY]
        if above < key or (above == key and heap[parent, ITEM] < item):
            break
        heap[place, KEY], heap[place, ITEM] = above, heap[parent, ITEM]
        heap[place, WORKER] = heap[parent, WORKER]
        place = parent
    heap[place, KEY], heap[place, ITEM], heap[place, WORKER] = key, item, worker


@compiled
def pop(heap: Numbers, size: int) -> None:
    """Remove the first item of a heap of so many."""
    last, place = size - 1, 0
    key, item, worker = heap[last, KEY], heap[last, ITEM], heap[last, WORKER]
    while True:
        child = 4 * place + 1
        if child >= last:
            break
        least = child
        for other in range(child + 1, min(child + 4, last)):
            if heap[other, KEY] < heap[least, KEY] or (
                heap[other, KEY] == heap[least, KEY] and heap[other, ITEM] < heap[least, ITEM]
            ):
                least = other
        if key < heap[least, KEY] or (key == heap[least, KEY] and item < heap[least, ITEM]):
            break
        heap[place, KEY], heap[place, ITEM] = heap[least, KEY], heap[least, ITEM]
        heap[place, WORKER] = heap[least, WORKER]
        place = least
    heap[place, KEY], heap[place, ITEM], heap[place, WORKER] = key, item, worker
