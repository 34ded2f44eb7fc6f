"""`Policy` and its clock as loops over tables, which numba compiles (`tf2c[cluster]`).

Names are those of `policy.py` and `fair_queueing.py`, which explain them. Requests are numbered as
they arrive, and dispatches as they are made; a row of a table is one of them, and columns have the
names below. Few tables instead of objects, because counting references is what takes most of a
compiled loop's time.

Requests of one tenant for one network at one priority keep their order, so they wait in a list, a
lane, and only the first of each lane is compared with others.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from tf2c.orchestration.fair_queueing import TAG_UNIT
from tf2c.orchestration.traces import EXPIRED, NEVER, REJECTED, Numbers, Trace

if TYPE_CHECKING:
    from tf2c.orchestration.cluster import Cluster

_compiled: Any = numba.njit(cache=True, inline="always", error_model="numpy")

WAITING = -3
"""What has become of a request that waits."""

NOBODY = -1

# Columns of requests that have come: BEHIND is the next one in its lane.
LANE, RANK, BEHIND = range(3)

# Of lanes: whose they are, for what; what a request there pays and how much earlier its rank is
# than its start tag; the first and the last that waits, or `NOBODY`.
TENANT, OF_NETWORK, CHARGE, HEAD_START, HEAD, TAIL = range(6)

# Of networks: costs; how many cards have it, how many requests wait; its lanes from one to before
# another; which request goes first.
IMAGE, BATCH, LOAD, LARGEST_BATCH, HOLDERS, LENGTH, LANES, LANES_END, FIRST = range(9)

# Of tenants.
LIMIT, IN_QUEUE, FINISH = range(3)

# Of cards: what it has; of an idle one, the next with the same and when it became idle; of one at
# work, its dispatch's kind and the dispatch of that kind that ends next.
LOADED, FOLLOWING, IDLE_SINCE, KIND, ENDS_NEXT = range(5)

# Of dispatches; the columns of an `Outcome`.
CARD, NETWORK, LOADS, BEGIN, END = range(5)

# Of heaps, whose rows are in order of both.
KEY, ITEM = range(2)

# Single numbers.
VIRTUAL_TIME, TOTAL, EVENTS, IDLE, TIMED, UNDER_WAY = range(6)


@_compiled
def _push(heap: Numbers, size: int, key: int, item: int) -> None:
    """Put an item into a heap of so many; the least key goes first, then the least item."""
    place = size
    while place:
        parent = (place - 1) >> 2
        above = heap[parent, KEY]
        if above < key or (above == key and heap[parent, ITEM] < item):
            break
        heap[place, KEY], heap[place, ITEM] = above, heap[parent, ITEM]
        place = parent
    heap[place, KEY], heap[place, ITEM] = key, item


@_compiled
def _pop(heap: Numbers, size: int) -> None:
    """Remove the first item of a heap of so many."""
    last, place = size - 1, 0
    key, item = heap[last, KEY], heap[last, ITEM]
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
        place = least
    heap[place, KEY], heap[place, ITEM] = key, item


@_compiled
def _is_before(requests: Numbers, one: int, other: int) -> bool:
    """Whether a request goes before another."""
    left, right = requests[one, RANK], requests[other, RANK]
    return left < right or (left == right and one < other)


@_compiled
def _service(networks: Numbers, network: int) -> int:
    return networks[network, BATCH] + networks[network, IMAGE]


@_compiled
def _submit(
    networks: Numbers,
    tenants: Numbers,
    lanes: Numbers,
    requests: Numbers,
    fates: Numbers,
    ranks: Numbers,
    expiries: Numbers,
    numbers: Numbers,
    request: int,
    lane: int,
    now: int,
    deadline: int,
) -> None:
    """Queue a request that arrives, or reject it."""
    tenant, network = lanes[lane, TENANT], lanes[lane, OF_NETWORK]
    latest = deadline - _service(networks, network)
    if tenants[tenant, IN_QUEUE] >= tenants[tenant, LIMIT] or now > latest:
        fates[request] = REJECTED
        return
    start = max(numbers[VIRTUAL_TIME], tenants[tenant, FINISH])
    rank = start - lanes[lane, HEAD_START]
    tenants[tenant, FINISH] = start + lanes[lane, CHARGE]
    requests[request, LANE], requests[request, RANK] = lane, rank
    requests[request, BEHIND], fates[request] = NOBODY, WAITING
    if lanes[lane, HEAD] != NOBODY:
        requests[lanes[lane, TAIL], BEHIND] = request
    else:
        lanes[lane, HEAD] = request
        if rank < ranks[network]:
            ranks[network], networks[network, FIRST] = rank, request
    lanes[lane, TAIL] = request
    tenants[tenant, IN_QUEUE] += 1
    networks[network, LENGTH] += 1
    numbers[TOTAL] += 1
    if deadline != NEVER:
        _push(expiries, numbers[TIMED], latest + 1, request)
        numbers[TIMED] += 1


@_compiled
def _end_waiting(
    networks: Numbers,
    tenants: Numbers,
    lanes: Numbers,
    requests: Numbers,
    fates: Numbers,
    numbers: Numbers,
    request: int,
    fate: int,
) -> None:
    """Let a request wait no more; lists may go on to have it, but not as the first."""
    lane = requests[request, LANE]
    fates[request] = fate
    networks[lanes[lane, OF_NETWORK], LENGTH] -= 1
    tenants[lanes[lane, TENANT], IN_QUEUE] -= 1
    numbers[TOTAL] -= 1
    while lanes[lane, HEAD] != NOBODY and fates[lanes[lane, HEAD]] != WAITING:
        lanes[lane, HEAD] = requests[lanes[lane, HEAD], BEHIND]


@_compiled
def _look_at_first(
    networks: Numbers, lanes: Numbers, requests: Numbers, ranks: Numbers, network: int
) -> None:
    """Note which request for a network goes first, and its rank; `NEVER` where none waits."""
    ranks[network] = NEVER
    if not networks[network, LENGTH]:
        return
    first = NOBODY
    for lane in range(networks[network, LANES], networks[network, LANES_END]):
        head = lanes[lane, HEAD]
        if head != NOBODY and (first == NOBODY or _is_before(requests, head, first)):
            first = head
    networks[network, FIRST], ranks[network] = first, requests[first, RANK]


@numba.njit(cache=True, error_model="numpy")  # seldom: not inline
def _give_up(
    networks: Numbers,
    tenants: Numbers,
    lanes: Numbers,
    requests: Numbers,
    fates: Numbers,
    ranks: Numbers,
    numbers: Numbers,
    late: int,
) -> None:
    """Give a request up, and let its tenant's later ones be where they would be without it."""
    own = requests[late, LANE]
    start, charge = requests[late, RANK] + lanes[own, HEAD_START], lanes[own, CHARGE]
    tenant = lanes[own, TENANT]
    _end_waiting(networks, tenants, lanes, requests, fates, numbers, late, EXPIRED)
    tenants[tenant, FINISH] -= charge
    for lane in range(len(lanes)):
        if lanes[lane, TENANT] == tenant and lanes[lane, HEAD] != NOBODY:
            request = lanes[lane, HEAD]
            while request != NOBODY:
                if requests[request, RANK] + lanes[lane, HEAD_START] > start:
                    requests[request, RANK] -= charge
                request = requests[request, BEHIND]
    for network in range(len(networks)):
        _look_at_first(networks, lanes, requests, ranks, network)


@_compiled
def _rest(cards: Numbers, lists: Numbers, numbers: Numbers, card: int) -> None:
    kind = cards[card, LOADED] + 1
    numbers[EVENTS] += 1
    numbers[IDLE] += 1
    cards[card, IDLE_SINCE] = numbers[EVENTS]
    cards[card, FOLLOWING] = NOBODY
    if lists[kind, 0] == NOBODY:
        lists[kind, 0] = card
    else:
        cards[lists[kind, 1], FOLLOWING] = card
    lists[kind, 1] = card


@_compiled
def _first(networks: Numbers, ranks: Numbers) -> int:
    """Return the network whose first request goes before all others."""
    least = NEVER
    for network in range(len(ranks)):
        least = min(least, ranks[network])
    first = NOBODY
    for network in range(len(ranks)):
        if ranks[network] == least and (
            first == NOBODY or networks[network, FIRST] < networks[first, FIRST]
        ):
            first = network
    return first


@_compiled
def _is_worth_loading(networks: Numbers, deadlines: Numbers, network: int, now: int) -> bool:
    deadline = deadlines[networks[network, FIRST]]
    service = _service(networks, network)
    turns, holders = networks[network, LENGTH] * service, networks[network, HOLDERS]
    if turns > networks[network, LOAD] * holders:
        return True
    if deadline == NEVER or now + networks[network, LOAD] + service > deadline:
        return False
    return turns > (deadline - now - service) * holders


@_compiled
def _choose(
    networks: Numbers,
    requests: Numbers,
    deadlines: Numbers,
    ranks: Numbers,
    lists: Numbers,
    limit: int,
    now: int,
) -> int:
    """Return the network whose first request may go, where the very first has no idle card."""
    could = worth_loading = NOBODY
    for network in range(len(networks)):
        if ranks[network] > limit:
            continue
        first = networks[network, FIRST]
        if lists[network + 1, 0] != NOBODY:
            if could == NOBODY or _is_before(requests, first, networks[could, FIRST]):
                could = network
        elif could == NOBODY and _is_worth_loading(networks, deadlines, network, now):
            best = worth_loading
            if best == NOBODY or _is_before(requests, first, networks[best, FIRST]):
                worth_loading = network
    return could if could != NOBODY else worth_loading


@_compiled
def _card_for(
    networks: Numbers, cards: Numbers, lists: Numbers, network: int, affinity: bool
) -> int:
    if affinity and lists[network + 1, 0] != NOBODY:
        return lists[network + 1, 0]
    chosen = unwanted = NOBODY
    for kind in range(len(lists)):
        card = lists[kind, 0]
        if card == NOBODY:
            continue
        since = cards[card, IDLE_SINCE]
        if chosen == NOBODY or since < cards[chosen, IDLE_SINCE]:
            chosen = card
        is_unwanted = kind == 0 or networks[kind - 1, LENGTH] == 0
        if is_unwanted and (unwanted == NOBODY or since < cards[unwanted, IDLE_SINCE]):
            unwanted = card
    return unwanted if affinity and unwanted != NOBODY else chosen


@_compiled
def _begin(
    networks: Numbers, cards: Numbers, lists: Numbers, numbers: Numbers, card: int, network: int
) -> bool:
    """Let an idle card work on a network; return whether it had another."""
    had = cards[card, LOADED]
    lists[had + 1, 0] = cards[card, FOLLOWING]
    numbers[IDLE] -= 1
    if had == network:
        return False
    cards[card, LOADED] = network
    networks[network, HOLDERS] += 1
    if had >= 0:
        networks[had, HOLDERS] -= 1
    return True


@_compiled
def _set_end(
    cards: Numbers,
    dispatches: Numbers,
    under_way: Numbers,
    last: Numbers,
    numbers: Numbers,
    kind: int,
    made: int,
) -> None:
    """Note when a dispatch ends.

    Those of a kind take the same time, so they end in the order in which they begin, and only the
    first of each kind is compared with others. `NOBODY` is the kind of those that take any time.
    """
    cards[dispatches[made, CARD], KIND] = kind
    cards[dispatches[made, CARD], ENDS_NEXT] = NOBODY
    if kind != NOBODY:
        before = last[kind]
        last[kind] = made
        if before != NOBODY:
            cards[dispatches[before, CARD], ENDS_NEXT] = made
            return
    _push(under_way, numbers[UNDER_WAY], dispatches[made, END], made)
    numbers[UNDER_WAY] += 1


@_compiled
def _take_end(
    cards: Numbers, dispatches: Numbers, under_way: Numbers, last: Numbers, numbers: Numbers
) -> int:
    """Return the card that ends next, which works no more."""
    card = dispatches[under_way[0, ITEM], CARD]
    _pop(under_way, numbers[UNDER_WAY])
    following = cards[card, ENDS_NEXT]
    if following != NOBODY:
        _push(under_way, numbers[UNDER_WAY] - 1, dispatches[following, END], following)
        return card
    numbers[UNDER_WAY] -= 1
    if cards[card, KIND] != NOBODY:
        last[cards[card, KIND]] = NOBODY
    return card


@numba.njit(cache=True, error_model="numpy")
def _simulate(
    networks: Numbers,
    tenants: Numbers,
    lanes: Numbers,
    lane_of: Numbers,
    cards: Numbers,
    arrivals: Numbers,
    tenant_of: Numbers,
    network_of: Numbers,
    deadlines: Numbers,
    priorities: Numbers,
    least_priority: int,
    requests: Numbers,
    fates: Numbers,
    dispatches: Numbers,
    durations: Numbers,
    lead: int,
    affinity: bool,
) -> int:
    """Run all requests; return how many dispatches there were."""
    numbers = np.zeros(6, np.int64)
    ranks = np.full(len(networks), NEVER)
    timed = 0
    for request in range(len(requests)):
        timed += deadlines[request] != NEVER
    expiries = np.zeros((timed, 2), np.int64)
    under_way = np.zeros((len(cards), 2), np.int64)
    # Of kinds of dispatches, the last that is under way: network, images, whether it loads.
    largest_batch = networks[:, LARGEST_BATCH].max()
    last = np.full(len(networks) * largest_batch * 2, NOBODY)
    # Of idle cards, 0 of those without a network, n + 1 of those with network n: first and last.
    lists = np.full((len(networks) + 1, 2), NOBODY)
    arrived = made = 0
    for card in range(len(cards)):
        if cards[card, LOADED] >= 0:
            networks[cards[card, LOADED], HOLDERS] += 1
        _rest(cards, lists, numbers, card)
    while arrived < len(requests) or numbers[UNDER_WAY]:
        while numbers[TIMED] and fates[expiries[0, ITEM]] != WAITING:
            _pop(expiries, numbers[TIMED])
            numbers[TIMED] -= 1
        ends = under_way[0, KEY] if numbers[UNDER_WAY] else NEVER
        arrives = arrivals[arrived] if arrived < len(requests) else NEVER
        only = NOBODY  # the network of the only request that waits, if that is easily known
        if numbers[TIMED] and expiries[0, KEY] <= min(ends, arrives):
            now = expiries[0, KEY]
            while numbers[TIMED] and expiries[0, KEY] <= now:
                late = expiries[0, ITEM]
                _pop(expiries, numbers[TIMED])
                numbers[TIMED] -= 1
                if fates[late] == WAITING:
                    _give_up(networks, tenants, lanes, requests, fates, ranks, numbers, late)
        elif ends <= arrives:
            now, card = ends, _take_end(cards, dispatches, under_way, last, numbers)
            _rest(cards, lists, numbers, card)
        else:
            now = arrives
            lane = lane_of[
                network_of[arrived], tenant_of[arrived], priorities[arrived] - least_priority
            ]
            _submit(
                networks,
                tenants,
                lanes,
                requests,
                fates,
                ranks,
                expiries,
                numbers,
                arrived,
                lane,
                now,
                deadlines[arrived],
            )
            if numbers[TOTAL] == 1 and fates[arrived] == WAITING:
                only = network_of[arrived]
            arrived += 1
        while numbers[TOTAL] and numbers[IDLE]:
            network = only if only != NOBODY else _first(networks, ranks)
            first_rank = ranks[network]
            limit = first_rank + lead
            if affinity and lists[network + 1, 0] == NOBODY:
                network = _choose(networks, requests, deadlines, ranks, lists, limit, now)
                if network == NOBODY:
                    break
            numbers[VIRTUAL_TIME] = max(numbers[VIRTUAL_TIME], first_rank)
            card = _card_for(networks, cards, lists, network, affinity)
            loads = _begin(networks, cards, lists, numbers, card, network)
            begin = now + networks[network, BATCH] + (networks[network, LOAD] if loads else 0)
            images, earliest = 0, NEVER
            while images < networks[network, LARGEST_BATCH] and ranks[network] <= limit:
                request = networks[network, FIRST]
                earliest = min(earliest, deadlines[request])
                if images and begin + (images + 1) * networks[network, IMAGE] > earliest:
                    break
                _end_waiting(networks, tenants, lanes, requests, fates, numbers, request, made)
                _look_at_first(networks, lanes, requests, ranks, network)
                images += 1
            end = begin + images * networks[network, IMAGE]
            kind = (network * largest_batch + images - 1) * 2 + loads
            if len(durations):
                end, kind = now + durations[made], NOBODY
            dispatches[made, CARD], dispatches[made, NETWORK] = card, network
            dispatches[made, LOADS] = loads
            dispatches[made, BEGIN], dispatches[made, END] = now, end
            _set_end(cards, dispatches, under_way, last, numbers, kind, made)
            made += 1
    return made


def _table(rows: int, known: Sequence[Numbers | Sequence[int]], columns: int) -> Numbers:
    """Return a table whose first columns are known; the others are 0."""
    table = np.zeros((rows, columns), np.int64)
    for index, column in enumerate(known):
        table[:, index] = column
    return table


def _lanes(cluster: "Cluster", trace: Trace, least_priority: int) -> tuple[Numbers, Numbers]:
    """Return a lane for each network, tenant and priority, and the table of which is which."""
    priorities = int(trace.priority.max(initial=0)) - least_priority + 1
    shape = len(cluster.networks), len(cluster.tenants), priorities
    lanes = np.full((np.prod(shape), 6), NOBODY)
    lane_of = np.arange(len(lanes)).reshape(shape)
    for (network, tenant, priority), lane in np.ndenumerate(lane_of):
        service = cluster.networks[network].service(1)
        lanes[lane, TENANT], lanes[lane, OF_NETWORK] = tenant, network
        lanes[lane, CHARGE] = service * TAG_UNIT // cluster.tenants[tenant].weight
        lanes[lane, HEAD_START] = (priority + least_priority) * cluster.lead * TAG_UNIT
    return lanes, lane_of


def run(cluster: "Cluster", trace: Trace, durations: Numbers | None) -> tuple[Numbers, ...]:
    """Run a trace; return the arrays of an `Outcome` behind its trace."""
    least_priority = int(trace.priority.min(initial=0))
    lanes, lane_of = _lanes(cluster, trace, least_priority)
    kinds, count = len(cluster.networks), len(cluster.loaded)
    costs = [(each.image, each.batch, each.load, each.largest_batch) for each in cluster.networks]
    networks = _table(kinds, list(zip(*costs, strict=True)), 9)
    networks[:, LANES] = lane_of[:, 0, 0]
    networks[:, LANES_END] = networks[:, LANES] + lane_of[0].size
    requests = len(trace.arrival)
    fates = np.empty(requests, np.int64)
    dispatches = np.empty((requests, 5), np.int64)
    made = _simulate(
        networks,
        _table(len(cluster.tenants), [[each.queue_limit for each in cluster.tenants]], 3),
        lanes,
        lane_of,
        _table(count, [cluster.loaded], 5),
        *trace,
        least_priority,
        np.empty((requests, 3), np.int64),
        fates,
        dispatches,
        np.zeros(0, np.int64) if durations is None else durations,
        cluster.lead * TAG_UNIT,
        cluster.affinity,
    )
    return fates, *dispatches[:made].T
