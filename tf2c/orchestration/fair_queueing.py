"""Requests that wait, in the order in which they may go: start-time fair queueing.

A request has a start tag, the later of the virtual time and of its tenant's last finish tag, and a
finish tag, later by its service over its tenant's weight. The least start tag goes first. The
virtual time is the least tag that waited when something was dispatched last. (Goyal, Vin and Cheng,
"Start-time fair queueing", SIGCOMM 1996.)

A tenant pays for what runs: when a request is given up, all that its tenant asked for later moves
forward by what it would have taken.
"""

from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush

from tf2c.errors import UserError
from tf2c.orchestration.requests import (
    Network,
    RejectedError,
    Request,
    Tenant,
    TooEarlyDeadlineError,
    UnknownNetworkError,
)
from tf2c.orchestration.waiting_lines import (
    LEAST_FORGOTTEN,
    NetworkLine,
    Place,
    TenantLine,
    Waiting,
)

TAG_UNIT = 1 << 10
"""Tags are integers, in parts of a nanosecond: no rounding depends on the order of events."""


class FairQueues:
    """A queue for each network, in which tenants have their share."""

    def __init__(
        self, networks: Mapping[str, Network], tenants: Mapping[str, Tenant], lead: int
    ) -> None:
        """Start with nobody waiting.

        Args:
            networks: that requests may be for, by name.
            tenants: that may request, by name.
            lead: head start of each step of priority, nanoseconds.

        Raises:
            UserError: a tenant's weight is not a positive whole number.
        """
        for name, tenant in tenants.items():
            # Tags are integers, so that the order of requests does not depend on rounding.
            if tenant.weight < 1 or tenant.weight % 1:
                raise UserError(
                    f"expected a weight of tenant `{name}` that is a whole number >= 1, got "
                    f"{tenant.weight}"
                )
        self.networks = dict(networks)
        # What an image takes at best, by which alone deadlines are judged: what has been measured
        # may have been a bad moment, and what is refused for it is never measured again.
        self._quickest = {name: each.service(1) for name, each in networks.items()}
        self._tenant_lines = {name: TenantLine(tenant) for name, tenant in tenants.items()}
        self._network_lines: dict[str, NetworkLine] = {}  # of those that are waited for
        self._places: dict[int, Place] = {}
        self._expiries: list[tuple[int, int]] = []  # a heap: when, and of which; some wait no more
        self._lead = lead * TAG_UNIT
        self._virtual_time = 0
        self._asked: dict[str, int] = {}  # when each network was asked for last

    @property
    def is_awaited(self) -> bool:
        """Whether any request waits."""
        return bool(self._places)

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._places)

    def waiting_for(self, network: str) -> list[Request]:
        """Return the requests that wait for a network."""
        requests = [place.request for place in self._places.values()]
        return [each for each in requests if each.network == network]

    def submit(self, request: Request, now: int) -> None:
        """Queue a request.

        Raises:
            RejectedError: nobody knows its network or tenant, its tenant has too many, or its
                deadline is too early even for an idle card.
        """
        self.submit_all((request,), now)

    def submit_all(self, requests: Sequence[Request], now: int) -> None:
        """Queue requests, all or none; they differ in nothing but their numbers.

        Raises:
            RejectedError: as for `submit`.
        """
        line = self._admit(requests[0], len(requests), now)
        for request in requests:
            self._wait(self._with_tags(request, line))

    def _admit(self, request: Request, count: int, now: int) -> TenantLine:
        """Return the line of requests that are taken; raise `RejectedError` for others."""
        _, tenant, network, deadline, _ = request
        if network not in self.networks:
            raise UnknownNetworkError(f"there is no network `{network}`")
        line = self._tenant_lines.get(tenant)
        if line is None:
            raise RejectedError(f"there is no tenant `{tenant}`")
        if line.waiting + count > line.tenant.queue_limit:
            raise RejectedError(
                f"tenant `{tenant}` has {line.waiting} requests waiting and may have "
                f"{line.tenant.queue_limit}, got {count} more"
            )
        if deadline is not None and now + self._quickest[network] > deadline:
            raise TooEarlyDeadlineError(f"its deadline is too early for `{network}`")
        self._asked[network] = now
        return line

    def _with_tags(self, request: Request, line: TenantLine) -> Waiting:
        """Let a tenant pay for a request, and return it as it waits."""
        charge = self.networks[request.network].service(1) * TAG_UNIT // line.tenant.weight
        start = line.pay(self._virtual_time, charge)
        return Waiting(start - request.priority * self._lead, request.number, request, charge)

    @property
    def next_expiry(self) -> int | None:
        """When the next request that waits will be too late for any card; None if none will."""
        while self._expiries:
            when, number = self._expiries[0]
            if number in self._places:
                return when
            heappop(self._expiries)
        return None

    def expire(self, now: int) -> tuple[Request, ...]:
        """Remove the requests that are too late for any card, and return them."""
        late: list[int] = []
        while (when := self.next_expiry) is not None and when <= now:
            late.append(heappop(self._expiries)[1])
        return self.withdraw(late)

    def clear(self) -> tuple[Request, ...]:
        """Remove all requests that wait, and return them."""
        return self.withdraw([*self._places])

    def withdraw(self, numbers: Iterable[int]) -> tuple[Request, ...]:
        """Remove requests that wait, by their numbers, and return them; nobody pays for them."""
        removed: list[Request] = []
        for number in numbers:
            place = self._places.pop(number, None)
            if place is not None:
                self._leave(place, pays=False)
                removed.append(place.request)
        return tuple(removed)

    def _wait(self, waiting: Waiting) -> None:
        """Let a request wait, behind all others of its tenant."""
        self._enter(self._tenant_lines[waiting.request.tenant].join(waiting))

    def _wait_again(self, waiting: Waiting) -> None:
        """Let a request wait that did."""
        request = waiting.request
        head_start = request.priority * self._lead
        self._enter(self._tenant_lines[request.tenant].join_again(waiting, head_start))

    def _enter(self, place: Place) -> None:
        """Let a request wait for its network that has a place among its tenant's."""
        request = place.request
        self._places[place.number] = place
        line = self._network_lines.get(request.network)
        if line is None:
            first = place.lane.first
            self._network_lines[request.network] = NetworkLine(self._places, first)
        else:
            line.join(place)
        if request.deadline is not None:
            expiry = request.deadline - self._quickest[request.network] + 1
            heappush(self._expiries, (expiry, request.number))
            if len(self._expiries) > 2 * len(self._places) + LEAST_FORGOTTEN:
                self._expiries = [each for each in self._expiries if each[1] in self._places]
                heapify(self._expiries)

    def _take(self, network: str) -> Waiting:
        """Let the first for a network wait no more; its tenant pays."""
        taken = self._network_lines[network].first
        self._leave(self._places.pop(taken.number), pays=True)
        return taken

    def _leave(self, place: Place, *, pays: bool) -> None:
        """Let a request leave its lines."""
        request = place.request
        line = self._network_lines[request.network]
        for lane in self._tenant_lines[request.tenant].leave(place, pays=pays):
            self._network_lines[lane.key[0]].note(lane.first)
        line.leave(place)
        if not line.length:
            del self._network_lines[request.network]
