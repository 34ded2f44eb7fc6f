"""`Policy` and its clock as loops over tables, which numba compiles (`tf2c[cluster]`).

Names are those of `policy.py` and `fair_queueing.py`, which explain them. Requests are numbered as
they arrive, and dispatches as they are made; a row of a table is one of them, and columns have the
names below. Tables have no owner here (`borrowed`): else counting references to them takes half
of the time.

Requests of one tenant for one network at one priority keep their order, so they wait in a list, a
lane, and only the first of each lane is compared with others.
"""

import numba

from tf2c.orchestration.compiled_heap import ITEM, KEY, WORKER, borrowed, compiled, pop, push
from tf2c.orchestration.policy import LOADS_FOR_LAST
from tf2c.orchestration.traces import EXPIRED, NEVER, REJECTED, Numbers

WAITING = -3
"""What has become of a request that waits."""

NOBODY = -1

HELD_UP = -2
"""Instead of a network: those who would go may not overtake the very first."""

# Columns of requests that have come: BEHIND is the next one in its lane.
LANE, RANK, BEHIND = range(3)

# Of lanes: whose they are, for what; what a request there pays and how much earlier its rank is
# than its start tag; the first and the last that waits, or `NOBODY`.
TENANT, OF_NETWORK, CHARGE, HEAD_START, HEAD, TAIL = range(6)

# Of networks: costs; how many cards have it, how many requests wait; its lanes from one to before
# another; which request goes first; its place among networks that are waited for, or `NOBODY`;
# when it was asked for last.
IMAGE, BATCH, LOAD, LARGEST_BATCH, HOLDERS, LENGTH = range(6)
LANES, LANES_END, FIRST, PLACE, ASKED = range(6, 11)

# Of tenants.
LIMIT, IN_QUEUE, FINISH = range(3)

# Of cards: what it has; of an idle one, the next with the same and when it became idle; of one at
# work, its dispatch's kind, and which card ends next of that kind, when, and with what dispatch.
LOADED, FOLLOWING, IDLE_SINCE, KIND, NEXT_CARD, NEXT_END, NEXT_DISPATCH = range(7)

# Of dispatches; the columns of an `Outcome`.
CARD, NETWORK, LOADS, BEGIN, END = range(5)

# Single numbers.
VIRTUAL_TIME, WAITED_FOR, EVENTS, IDLE, TIMED, UNDER_WAY, HELD, HOLDING, DECIDED = range(9)


@compiled
def _goes_before(networks: Numbers, ranks: Numbers, one: int, other: int) -> bool:
    """Whether the first request for a network goes before that for another."""
    left, right = ranks[one], ranks[other]
    return left < right or (left == right and networks[one, FIRST] < networks[other, FIRST])


@compiled
def _service(networks: Numbers, network: int) -> int:
    return networks[network, BATCH] + networks[network, IMAGE]


@compiled
def _submit(
    networks: Numbers,
    tenants: Numbers,
    lanes: Numbers,
    requests: Numbers,
    fates: Numbers,
    ranks: Numbers,
    waited_for: Numbers,
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
    networks[network, ASKED] = now
    networks[network, LENGTH] += 1
    if networks[network, PLACE] == NOBODY:
        networks[network, PLACE] = numbers[WAITED_FOR]
        waited_for[numbers[WAITED_FOR]] = network
        numbers[WAITED_FOR] += 1
    if deadline != NEVER:
        push(expiries, numbers[TIMED], latest + 1, request, NOBODY)
        numbers[TIMED] += 1


@compiled
def _end_waiting(
    networks: Numbers,
    tenants: Numbers,
    lanes: Numbers,
    requests: Numbers,
    fates: Numbers,
    request: int,
    fate: int,
) -> None:
    """Let a request wait no more; lists may go on to have it, but not as the first."""
    lane = requests[request, LANE]
    fates[request] = fate
    networks[lanes[lane, OF_NETWORK], LENGTH] -= 1
    tenants[lanes[lane, TENANT], IN_QUEUE] -= 1
    while lanes[lane, HEAD] != NOBODY and fates[lanes[lane, HEAD]] != WAITING:
        lanes[lane, HEAD] = requests[lanes[lane, HEAD], BEHIND]


@compiled
def _look_at_first(
    networks: Numbers,
    lanes: Numbers,
    requests: Numbers,
    ranks: Numbers,
    waited_for: Numbers,
    numbers: Numbers,
    network: int,
) -> None:
    """Note which request for a network goes first, and its rank; `NEVER` where none waits."""
    ranks[network] = NEVER
    if not networks[network, LENGTH]:
        place = networks[network, PLACE]
        if place != NOBODY:
            numbers[WAITED_FOR] -= 1
            last = waited_for[numbers[WAITED_FOR]]
            waited_for[place], networks[last, PLACE] = last, place
            networks[network, PLACE] = NOBODY
        return
    first = NOBODY
    for lane in range(networks[network, LANES], networks[network, LANES_END]):
        head = lanes[lane, HEAD]
        if head != NOBODY:
            rank = requests[head, RANK]
            if rank < ranks[network] or (rank == ranks[network] and head < first):
                ranks[network], first = rank, head
    networks[network, FIRST] = first


@numba.njit(cache=True, error_model="numpy")  # seldom: not inline
def _give_up(
    networks: Numbers,
    tenants: Numbers,
    lanes: Numbers,
    requests: Numbers,
    fates: Numbers,
    ranks: Numbers,
    waited_for: Numbers,
    numbers: Numbers,
    late: int,
) -> None:
    """Give a request up, and let its tenant's later ones be where they would be without it."""
    own = requests[late, LANE]
    start, charge = requests[late, RANK] + lanes[own, HEAD_START], lanes[own, CHARGE]
    tenant = lanes[own, TENANT]
    _end_waiting(networks, tenants, lanes, requests, fates, late, EXPIRED)
    tenants[tenant, FINISH] -= charge
    for lane in range(len(lanes)):
        if lanes[lane, TENANT] == tenant and lanes[lane, HEAD] != NOBODY:
            request = lanes[lane, HEAD]
            while request != NOBODY:
                if requests[request, RANK] + lanes[lane, HEAD_START] > start:
                    requests[request, RANK] -= charge
                request = requests[request, BEHIND]
    for network in range(len(networks)):
        _look_at_first(networks, lanes, requests, ranks, waited_for, numbers, network)


@compiled
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


@compiled
def _first(networks: Numbers, ranks: Numbers, waited_for: Numbers, numbers: Numbers) -> int:
    """Return the network whose first request goes before all others."""
    first = waited_for[0]
    for place in range(1, numbers[WAITED_FOR]):
        network = waited_for[place]
        if _goes_before(networks, ranks, network, first):
            first = network
    return first


@compiled
def _card_to_load(networks: Numbers, cards: Numbers, lists: Numbers, affinity: bool) -> int:
    chosen, least_harm = NOBODY, (True, NEVER)
    for kind in range(len(lists)):
        card = lists[kind, 0]
        if card != NOBODY:
            is_wanted = affinity and kind > 0 and networks[kind - 1, LENGTH] > 0
            harm = is_wanted, cards[card, IDLE_SINCE]
            if harm < least_harm:
                chosen, least_harm = card, harm
    return chosen


@compiled
def _is_worth_loading(
    networks: Numbers, deadlines: Numbers, cards: Numbers, lists: Numbers, network: int, now: int
) -> bool:
    deadline = deadlines[networks[network, FIRST]]
    service, load = _service(networks, network), networks[network, LOAD]
    turns, holders = networks[network, LENGTH] * service, networks[network, HOLDERS]
    if not holders or turns > LOADS_FOR_LAST * load * holders:
        return True
    if turns > load * holders:
        own = cards[_card_to_load(networks, cards, lists, True), LOADED]
        is_last = own >= 0 and networks[own, HOLDERS] == 1
        if not is_last or now - networks[own, ASKED] >= networks[own, LOAD]:
            return True
    can_meet = deadline != NEVER and now + load + service <= deadline
    return can_meet and turns > (deadline - now - service) * holders


@compiled
def _choose(
    networks: Numbers,
    deadlines: Numbers,
    ranks: Numbers,
    waited_for: Numbers,
    cards: Numbers,
    lists: Numbers,
    numbers: Numbers,
    limit: int,
    now: int,
) -> int:
    """Return the network whose first request goes, where no idle card has the very first one's."""
    chosen = NOBODY
    for place in range(numbers[WAITED_FOR]):
        network = waited_for[place]
        may_go = lists[network + 1, 0] != NOBODY and ranks[network] <= limit
        if may_go and (chosen == NOBODY or _goes_before(networks, ranks, network, chosen)):
            chosen = network
    if chosen != NOBODY:
        return chosen
    otherwise = NOBODY
    for place in range(numbers[WAITED_FOR]):
        network = waited_for[place]
        has_card = lists[network + 1, 0] != NOBODY
        if has_card or _is_worth_loading(networks, deadlines, cards, lists, network, now):
            if ranks[network] > limit:
                otherwise = HELD_UP
            elif chosen == NOBODY or _goes_before(networks, ranks, network, chosen):
                chosen = network
    return chosen if chosen != NOBODY else otherwise


@compiled
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


@compiled
def _set_end(
    cards: Numbers,
    under_way: Numbers,
    last: Numbers,
    numbers: Numbers,
    kind: int,
    card: int,
    made: int,
    end: int,
) -> None:
    """Note when a card ends a dispatch.

    Those of a kind take the same time, so they end in the order in which they begin, and only the
    first of each kind is compared with others. `NOBODY` is the kind of those that take any time.
    """
    cards[card, KIND], cards[card, NEXT_CARD] = kind, NOBODY
    if kind != NOBODY:
        before = last[kind]
        last[kind] = card
        if before != NOBODY:
            cards[before, NEXT_CARD], cards[before, NEXT_END] = card, end
            cards[before, NEXT_DISPATCH] = made
            return
    push(under_way, numbers[UNDER_WAY], end, made, card)
    numbers[UNDER_WAY] += 1


@compiled
def _take_end(cards: Numbers, under_way: Numbers, last: Numbers, numbers: Numbers) -> int:
    """Return the card that ends next, which works no more."""
    card = under_way[0, WORKER]
    pop(under_way, numbers[UNDER_WAY])
    numbers[UNDER_WAY] -= 1
    following = cards[card, NEXT_CARD]
    if following != NOBODY:
        end, dispatch = cards[card, NEXT_END], cards[card, NEXT_DISPATCH]
        push(under_way, numbers[UNDER_WAY], end, dispatch, following)
        numbers[UNDER_WAY] += 1
    elif cards[card, KIND] != NOBODY:
        last[cards[card, KIND]] = NOBODY
    return card


@numba.njit(cache=True, error_model="numpy")
def simulate(
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
    lists: Numbers,
    ranks: Numbers,
    waited_for: Numbers,
    expiries: Numbers,
    under_way: Numbers,
    last: Numbers,
    numbers: Numbers,
    lead: int,
    affinity: bool,
) -> int:
    """Run all requests; return how many dispatches there were, or `NOBODY` if durations run out.

    Args:
        networks: a table, as the following ones.
        tenants: a table.
        lanes: a table.
        lane_of: `[networks, tenants, priorities]`: which lane is whose.
        cards: a table.
        arrivals: of a trace, as the following ones.
        tenant_of: of a trace.
        network_of: of a trace.
        deadlines: of a trace.
        priorities: of a trace.
        least_priority: of all.
        requests: a table, to be filled.
        fates: what becomes of each request, to be filled: a dispatch, or `REJECTED` or `EXPIRED`.
        dispatches: a table, to be filled.
        durations: of dispatches; none if networks say what they take.
        lists: `[networks + 1, 2]`: of idle cards without a network, and with each: first and last.
        ranks: of each network, that of the request that goes first; `NEVER` where none waits.
        waited_for: room for networks.
        expiries: room for a heap of the requests with deadlines.
        under_way: room for a heap of cards.
        last: of each kind of dispatches (network, images, whether it loads) the card that ends
            last.
        numbers: single numbers.
        lead: in tags.
        affinity: as of a `Policy`.
    """
    networks, tenants, lanes = borrowed(networks), borrowed(tenants), borrowed(lanes)
    lane_of, cards, lists = borrowed(lane_of), borrowed(cards), borrowed(lists)
    arrivals, tenant_of = borrowed(arrivals), borrowed(tenant_of)
    network_of, deadlines = borrowed(network_of), borrowed(deadlines)
    priorities, durations = borrowed(priorities), borrowed(durations)
    requests, fates, dispatches = borrowed(requests), borrowed(fates), borrowed(dispatches)
    ranks, waited_for = borrowed(ranks), borrowed(waited_for)
    expiries, under_way = borrowed(expiries), borrowed(under_way)
    last, numbers = borrowed(last), borrowed(numbers)
    largest_batch = len(last) // len(networks) // 2
    numbers[HOLDING] = NOBODY
    arrived = made = 0
    for card in range(len(cards)):
        if cards[card, LOADED] >= 0:
            networks[cards[card, LOADED], HOLDERS] += 1
        _rest(cards, lists, numbers, card)
    while arrived < len(requests) or numbers[UNDER_WAY]:
        while numbers[TIMED] and fates[expiries[0, ITEM]] != WAITING:
            pop(expiries, numbers[TIMED])
            numbers[TIMED] -= 1
        ends = under_way[0, KEY] if numbers[UNDER_WAY] else NEVER
        arrives = arrivals[arrived] if arrived < len(requests) else NEVER
        if numbers[TIMED] and expiries[0, KEY] <= min(ends, arrives):
            now = expiries[0, KEY]
            while numbers[TIMED] and expiries[0, KEY] <= now:
                late = expiries[0, ITEM]
                pop(expiries, numbers[TIMED])
                numbers[TIMED] -= 1
                if fates[late] == WAITING:
                    _give_up(
                        networks, tenants, lanes, requests, fates, ranks, waited_for, numbers, late
                    )
        elif ends <= arrives:
            now, card = ends, _take_end(cards, under_way, last, numbers)
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
                waited_for,
                expiries,
                numbers,
                arrived,
                lane,
                now,
                deadlines[arrived],
            )
            arrived += 1
        while numbers[WAITED_FOR] and numbers[IDLE]:
            time, holding = now - numbers[DECIDED], numbers[HOLDING]
            is_held = holding != NOBODY and fates[holding] == WAITING
            numbers[HELD] = numbers[HELD] + time if is_held else max(0, numbers[HELD] - time)
            numbers[HOLDING], numbers[DECIDED] = NOBODY, now
            network = first = _first(networks, ranks, waited_for, numbers)
            first_rank = ranks[network]
            limit = first_rank + lead
            if affinity and lists[network + 1, 0] == NOBODY:
                network = _choose(
                    networks, deadlines, ranks, waited_for, cards, lists, numbers, limit, now
                )
                if network == NOBODY:
                    break
                if network == HELD_UP:
                    if numbers[HELD] < networks[first, LOAD]:
                        numbers[HOLDING] = networks[first, FIRST]
                        break
                    numbers[HELD], network = 0, first
            numbers[VIRTUAL_TIME] = max(numbers[VIRTUAL_TIME], first_rank)
            card = lists[network + 1, 0]
            if card == NOBODY or not affinity:
                card = _card_to_load(networks, cards, lists, affinity)
            loads = _begin(networks, cards, lists, numbers, card, network)
            begin = now + networks[network, BATCH] + (networks[network, LOAD] if loads else 0)
            images, earliest = 0, NEVER
            while images < networks[network, LARGEST_BATCH] and ranks[network] <= limit:
                request = networks[network, FIRST]
                earliest = min(earliest, deadlines[request])
                if images and begin + (images + 1) * networks[network, IMAGE] > earliest:
                    break
                _end_waiting(networks, tenants, lanes, requests, fates, request, made)
                _look_at_first(networks, lanes, requests, ranks, waited_for, numbers, network)
                images += 1
            end = begin + images * networks[network, IMAGE]
            kind = (network * largest_batch + images - 1) * 2 + loads
            if made == len(durations) and made:
                return NOBODY
            if len(durations):
                end, kind = now + durations[made], NOBODY
            dispatches[made, CARD], dispatches[made, NETWORK] = card, network
            dispatches[made, LOADS] = loads
            dispatches[made, BEGIN], dispatches[made, END] = now, end
            _set_end(cards, under_way, last, numbers, kind, card, made, end)
            made += 1
    for request in range(len(requests)):
        if fates[request] == WAITING:
            fates[request] = EXPIRED
    return made
