"""`Policy` and its clock as loops over tables, which numba compiles (`tf2c[cluster]`).

Names are those of `policy.py`, which explains them. Requests are numbered as they arrive, and
dispatches as they are made; a row of a table is one of them, and columns have the names below. Few
tables instead of objects, because counting references is what takes most of a compiled loop's time.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from tf2c.orchestration.policy import TAG_UNIT
from tf2c.orchestration.traces import EXPIRED, NEVER, REJECTED, Numbers, Trace

if TYPE_CHECKING:
    from tf2c.orchestration.cluster import Cluster

_compiled: Any = numba.njit(cache=True, inline="always", error_model="numpy")

# Columns of requests: those of a trace; where it stands; whether it waits; the last iteration in
# which it may begin; and which dispatch it becomes.
ARRIVAL, TENANT, NETWORK, DEADLINE, PRIORITY, RANK, WAITS, LATEST, DISPATCH = range(9)

# Of networks: costs; how many requests wait and how many cards have it; its heap of requests in
# `by_rank`; which goes first and its rank, `NEVER` where none waits.
IMAGE, BATCH, LOAD, LARGEST_BATCH, LENGTH, HOLDERS, HEAP, SIZE, FIRST, FIRST_RANK = range(10)

# Of tenants.
WEIGHT, LIMIT, WAITING, FINISH = range(4)

# Of cards: what it has, the next idle one with the same, and when it became idle.
LOADED, FOLLOWING, IDLE_SINCE = range(3)

# Of lists of idle cards: 0 of those without a network, n + 1 of those with network n; -1: none.
HEAD, TAIL = range(2)

# Of dispatches; the columns of an `Outcome`.
CARD, OF_NETWORK, LOADS, BEGIN, END = range(5)

# Single numbers.
VIRTUAL_TIME, TOTAL, EVENTS, IDLE, TIMED, UNDER_WAY = range(6)


@_compiled
def _is_before(table: Numbers, key: int, one: int, other: int) -> bool:
    """Whether an item has the lesser key, or the same and the lesser number."""
    left, right = table[one, key], table[other, key]
    return left < right or (left == right and one < other)


@_compiled
def _push(heap: Numbers, begin: int, size: int, table: Numbers, key: int, item: int) -> None:
    """Put an item into a heap of so many, from `begin` on, ordered by a column of its table."""
    place = size
    while place:
        parent = (place - 1) >> 1
        above = heap[begin + parent]
        if not _is_before(table, key, item, above):
            break
        heap[begin + place] = above
        place = parent
    heap[begin + place] = item


@_compiled
def _pop(heap: Numbers, begin: int, size: int, table: Numbers, key: int) -> None:
    """Remove the top of a heap of so many."""
    last, place = size - 1, 0
    item = heap[begin + last]
    while True:
        child = 2 * place + 1
        if child >= last:
            break
        below = heap[begin + child]
        if child + 1 < last and _is_before(table, key, heap[begin + child + 1], below):
            child += 1
            below = heap[begin + child]
        if not _is_before(table, key, below, item):
            break
        heap[begin + place] = below
        place = child
    heap[begin + place] = item


@_compiled
def _look_at_first(networks: Numbers, requests: Numbers, by_rank: Numbers, network: int) -> None:
    """Note which request for a network goes first; what waits no more is forgotten."""
    begin = networks[network, HEAP]
    while networks[network, SIZE] and not requests[by_rank[begin], WAITS]:
        _pop(by_rank, begin, networks[network, SIZE], requests, RANK)
        networks[network, SIZE] -= 1
    networks[network, FIRST_RANK] = NEVER
    if networks[network, SIZE]:
        networks[network, FIRST] = by_rank[begin]
        networks[network, FIRST_RANK] = requests[by_rank[begin], RANK]


@_compiled
def _submit(
    networks: Numbers,
    tenants: Numbers,
    requests: Numbers,
    by_rank: Numbers,
    by_deadline: Numbers,
    numbers: Numbers,
    lead: int,
    request: int,
) -> None:
    """Queue a request that arrives, or reject it."""
    tenant, network = requests[request, TENANT], requests[request, NETWORK]
    service = networks[network, BATCH] + networks[network, IMAGE]
    latest = requests[request, DEADLINE] - service
    is_full = tenants[tenant, WAITING] >= tenants[tenant, LIMIT]
    if is_full or requests[request, ARRIVAL] > latest:
        requests[request, DISPATCH] = REJECTED
        return
    start = max(numbers[VIRTUAL_TIME], tenants[tenant, FINISH])
    tenants[tenant, FINISH] = start + service * TAG_UNIT // tenants[tenant, WEIGHT]
    tenants[tenant, WAITING] += 1
    requests[request, RANK] = start - requests[request, PRIORITY] * lead
    requests[request, WAITS] = 1
    _push(by_rank, networks[network, HEAP], networks[network, SIZE], requests, RANK, request)
    networks[network, SIZE] += 1
    networks[network, LENGTH] += 1
    numbers[TOTAL] += 1
    _look_at_first(networks, requests, by_rank, network)
    if requests[request, DEADLINE] != NEVER:
        requests[request, LATEST] = latest
        _push(by_deadline, 0, numbers[TIMED], requests, LATEST, request)
        numbers[TIMED] += 1


@_compiled
def _end_waiting(
    networks: Numbers,
    tenants: Numbers,
    requests: Numbers,
    by_rank: Numbers,
    numbers: Numbers,
    request: int,
) -> None:
    network = requests[request, NETWORK]
    requests[request, WAITS] = 0
    networks[network, LENGTH] -= 1
    numbers[TOTAL] -= 1
    tenants[requests[request, TENANT], WAITING] -= 1
    _look_at_first(networks, requests, by_rank, network)


@_compiled
def _rest(cards: Numbers, lists: Numbers, numbers: Numbers, card: int) -> None:
    kind = cards[card, LOADED] + 1
    numbers[EVENTS] += 1
    numbers[IDLE] += 1
    cards[card, IDLE_SINCE] = numbers[EVENTS]
    cards[card, FOLLOWING] = -1
    if lists[kind, HEAD] < 0:
        lists[kind, HEAD] = card
    else:
        cards[lists[kind, TAIL], FOLLOWING] = card
    lists[kind, TAIL] = card


@_compiled
def _first(networks: Numbers) -> int:
    """Return the network whose first request goes before all others."""
    first = 0
    for network in range(1, len(networks)):
        rank, least = networks[network, FIRST_RANK], networks[first, FIRST_RANK]
        is_tie = rank == least and rank != NEVER
        if rank < least or (is_tie and networks[network, FIRST] < networks[first, FIRST]):
            first = network
    return first


@_compiled
def _is_worth_loading(networks: Numbers, requests: Numbers, network: int, now: int) -> bool:
    deadline = requests[networks[network, FIRST], DEADLINE]
    service = networks[network, BATCH] + networks[network, IMAGE]
    turns, holders = networks[network, LENGTH] * service, networks[network, HOLDERS]
    if turns > networks[network, LOAD] * holders:
        return True
    if deadline == NEVER or now + networks[network, LOAD] + service > deadline:
        return False
    return turns > (deadline - now - service) * holders


@_compiled
def _choose(networks: Numbers, requests: Numbers, lists: Numbers, limit: int, now: int) -> int:
    """Return the network whose first request may go, where the very first has no idle card."""
    could = worth_loading = -1
    for network in range(len(networks)):
        if networks[network, FIRST_RANK] > limit:
            continue
        first = networks[network, FIRST]
        if lists[network + 1, HEAD] >= 0:
            if could < 0 or _is_before(requests, RANK, first, networks[could, FIRST]):
                could = network
        elif could < 0 and _is_worth_loading(networks, requests, network, now):
            best = worth_loading
            if best < 0 or _is_before(requests, RANK, first, networks[best, FIRST]):
                worth_loading = network
    return could if could >= 0 else worth_loading


@_compiled
def _card_for(
    networks: Numbers, cards: Numbers, lists: Numbers, network: int, affinity: bool
) -> int:
    if affinity and lists[network + 1, HEAD] >= 0:
        return lists[network + 1, HEAD]
    chosen = unwanted = -1
    for kind in range(len(lists)):
        card = lists[kind, HEAD]
        if card < 0:
            continue
        since = cards[card, IDLE_SINCE]
        if chosen < 0 or since < cards[chosen, IDLE_SINCE]:
            chosen = card
        is_unwanted = kind == 0 or networks[kind - 1, LENGTH] == 0
        if is_unwanted and (unwanted < 0 or since < cards[unwanted, IDLE_SINCE]):
            unwanted = card
    return unwanted if affinity and unwanted >= 0 else chosen


@_compiled
def _begin(
    networks: Numbers, cards: Numbers, lists: Numbers, numbers: Numbers, card: int, network: int
) -> bool:
    """Let an idle card work on a network; return whether it had another."""
    had = cards[card, LOADED]
    lists[had + 1, HEAD] = cards[card, FOLLOWING]
    numbers[IDLE] -= 1
    if had == network:
        return False
    cards[card, LOADED] = network
    networks[network, HOLDERS] += 1
    if had >= 0:
        networks[had, HOLDERS] -= 1
    return True


@numba.njit(cache=True, error_model="numpy")
def _simulate(
    networks: Numbers,
    tenants: Numbers,
    cards: Numbers,
    lists: Numbers,
    requests: Numbers,
    dispatches: Numbers,
    durations: Numbers,
    lead: int,
    affinity: bool,
) -> int:
    """Run all requests; return how many dispatches there were."""
    by_rank = np.zeros(len(requests), np.int64)
    by_deadline = np.zeros(len(requests), np.int64)
    under_way = np.zeros(len(cards), np.int64)
    numbers = np.zeros(6, np.int64)
    arrived = made = 0
    for card in range(len(cards)):
        if cards[card, LOADED] >= 0:
            networks[cards[card, LOADED], HOLDERS] += 1
        _rest(cards, lists, numbers, card)
    while arrived < len(requests) or numbers[UNDER_WAY]:
        ends = dispatches[under_way[0], END] if numbers[UNDER_WAY] else NEVER
        if arrived == len(requests) or ends <= requests[arrived, ARRIVAL]:
            now, card = ends, dispatches[under_way[0], CARD]
            _pop(under_way, 0, numbers[UNDER_WAY], dispatches, END)
            numbers[UNDER_WAY] -= 1
            _rest(cards, lists, numbers, card)
        else:
            now = requests[arrived, ARRIVAL]
            _submit(networks, tenants, requests, by_rank, by_deadline, numbers, lead, arrived)
            arrived += 1
        while numbers[TIMED] and requests[by_deadline[0], LATEST] < now:
            late = by_deadline[0]
            _pop(by_deadline, 0, numbers[TIMED], requests, LATEST)
            numbers[TIMED] -= 1
            if requests[late, WAITS]:
                _end_waiting(networks, tenants, requests, by_rank, numbers, late)
                requests[late, DISPATCH] = EXPIRED
        while numbers[TOTAL] and numbers[IDLE]:
            network = _first(networks)
            first_rank = networks[network, FIRST_RANK]
            limit = first_rank + lead
            if affinity and lists[network + 1, HEAD] < 0:
                network = _choose(networks, requests, lists, limit, now)
                if network < 0:
                    break
            numbers[VIRTUAL_TIME] = max(numbers[VIRTUAL_TIME], first_rank)
            card = _card_for(networks, cards, lists, network, affinity)
            loads = _begin(networks, cards, lists, numbers, card, network)
            begin = now + networks[network, BATCH] + (networks[network, LOAD] if loads else 0)
            images, earliest = 0, NEVER
            while (
                images < networks[network, LARGEST_BATCH] and networks[network, FIRST_RANK] <= limit
            ):
                request = networks[network, FIRST]
                earliest = min(earliest, requests[request, DEADLINE])
                if images and begin + (images + 1) * networks[network, IMAGE] > earliest:
                    break
                _end_waiting(networks, tenants, requests, by_rank, numbers, request)
                requests[request, DISPATCH] = made
                images += 1
            end = begin + images * networks[network, IMAGE]
            if len(durations):
                end = now + durations[made]
            dispatches[made, CARD], dispatches[made, OF_NETWORK] = card, network
            dispatches[made, LOADS] = loads
            dispatches[made, BEGIN], dispatches[made, END] = now, end
            _push(under_way, 0, numbers[UNDER_WAY], dispatches, END, made)
            numbers[UNDER_WAY] += 1
            made += 1
    return made


def _table(rows: int, known: Sequence[Numbers | Sequence[int]], columns: int) -> Numbers:
    """Return a table whose first columns are known; the others are 0."""
    table = np.zeros((rows, columns), np.int64)
    for index, column in enumerate(known):
        table[:, index] = column
    return table


def run(cluster: "Cluster", trace: Trace, durations: Numbers | None) -> tuple[Numbers, ...]:
    """Run a trace; return the arrays of an `Outcome` behind its trace."""
    kinds, count = len(cluster.networks), len(cluster.loaded)
    costs = [(each.image, each.batch, each.load, each.largest_batch) for each in cluster.networks]
    networks = _table(kinds, list(zip(*costs, strict=True)), 10)
    wanted = np.bincount(trace.network, minlength=kinds)
    networks[:, HEAP] = np.cumsum(wanted) - wanted
    networks[:, FIRST_RANK] = NEVER
    shares = [(each.weight, each.queue_limit) for each in cluster.tenants]
    tenants = _table(len(shares), list(zip(*shares, strict=True)), 4)
    requests = _table(len(trace.arrival), trace, 9)
    dispatches = _table(len(trace.arrival), (), 5)
    made = _simulate(
        networks,
        tenants,
        _table(count, [cluster.loaded], 3),
        np.full((kinds + 1, 2), -1),
        requests,
        dispatches,
        np.zeros(0, np.int64) if durations is None else durations,
        cluster.lead * TAG_UNIT,
        cluster.affinity,
    )
    return requests[:, DISPATCH].copy(), *dispatches[:made].T
