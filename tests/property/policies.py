"""Policies that break a promise each, and networks and tenants for them."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from tf2c.orchestration.fair_queueing import Waiting
from tf2c.orchestration.policy import Dispatch, Policy
from tf2c.orchestration.requests import Network, Request, Tenant

NETWORKS = {
    "small": Network(image=3, batch=1, load=40, largest_batch=4),
    "large": Network(image=20, batch=5, load=40, largest_batch=1),
    "other": Network(image=7, load=40, largest_batch=2),
}
TENANTS = {"one": Tenant(1), "three": Tenant(3), "two": Tenant(2, queue_limit=4)}
CARDS = ("a", "b", "c")
LEAD = 30


class Losing(Policy):
    """Forgets what a card that fails was doing."""

    def remove_card(self, name: str, give_up: Collection[Request] = ()) -> tuple[Request, ...]:
        running = super().remove_card(name, give_up)
        self.withdraw([request.number for request in running])
        return running


class Duplicating(Policy):
    """Lets what a card has done wait again."""

    def complete(self, name: str, *, has_network: bool = True) -> None:
        done = self._cards[name].running[0]
        super().complete(name, has_network=has_network)
        self._wait(done)


class LastInFirstOut(Policy):
    """Takes the last request for a network."""

    def _take(self, network: str) -> Waiting:
        queue = self._queues[network]
        taken = max(queue)
        self._set_queue(network, [each for each in queue if each != taken])
        self._end_waiting(taken.request)
        return taken


class Lazy(Policy):
    """Leaves the last card idle."""

    def next(self, now: int) -> Dispatch | None:
        idle = sum(not card.running for card in self._cards.values())
        return super().next(now) if idle > 1 or len(self._cards) == 1 else None


class Unweighted(Policy):
    """Takes all tenants for equals."""

    def __init__(
        self, networks: Mapping[str, Network], tenants: Mapping[str, Tenant], lead: int
    ) -> None:
        super().__init__(
            networks, {name: each._replace(weight=1) for name, each in tenants.items()}, lead
        )


class Clinging(Policy):
    """Keeps a network on its card as long as somebody wants it."""

    def __init__(
        self, networks: Mapping[str, Network], tenants: Mapping[str, Tenant], lead: int
    ) -> None:
        super().__init__(networks, tenants, 1 << 40)


class Restless(Policy):
    """Pays no heed to what cards have loaded."""

    def next(self, now: int) -> Dispatch | None:
        for name, card in self._cards.items():
            if not card.running:
                self._unrest(name, card)
                card.loaded = None
                self._rest(name, card)
        return super().next(now)


class Overdue(Policy):
    """Batches without regard to deadlines."""

    def submit(self, request: Request, now: int) -> None:
        super().submit(request, now)
        queue = self._queues[request.network]
        (own,) = (each for each in queue if each.number == request.number)
        queue[queue.index(own)] = own._replace(request=request._replace(deadline=None))


class Greedy(Policy):
    """Takes more than a tenant may have."""

    def submit(self, request: Request, now: int) -> None:
        account = self._accounts[request.tenant]
        account.tenant = account.tenant._replace(queue_limit=1 << 30)
        super().submit(request, now)


class Impatient(Policy):
    """Loads whatever is wanted, though others would soon be free."""

    def _is_worth_loading(self, request: Request, now: int) -> bool:
        return True


class Hesitant(Policy):
    """Waits for twice as long as loading takes."""

    def _is_worth_loading(self, request: Request, now: int) -> bool:
        network = self.networks[request.network]
        self.networks[request.network] = network._replace(load=2 * network.load)
        is_worth_it = super()._is_worth_loading(request, now)
        self.networks[request.network] = network
        return is_worth_it


class Patient(Policy):
    """Waits for cards that have a network, however many others do."""

    def _is_worth_loading(self, request: Request, now: int) -> bool:
        return not self._holders[request.network]


class Charging(Policy):
    """Lets tenants pay for what they gave up."""

    def _give_back(self, removed: Iterable[Waiting]) -> None:
        """Nothing."""


class Indulgent(Policy):
    """Moves all of a tenant's requests forward when it gives one up."""

    def _give_back(self, removed: Iterable[Waiting]) -> None:
        super()._give_back([each._replace(rank=-(1 << 60)) for each in removed])


class Forgetful(Policy):
    """Lets tenants pay less for what comes, but not for what waits already."""

    def _move_forward(self, advances: Mapping[str, Any]) -> None:
        """Nothing."""


class Generous(Policy):
    """Lets nobody pay for what a card did before it failed."""

    def remove_card(self, name: str, give_up: Collection[Request] = ()) -> tuple[Request, ...]:
        running = [each for each in self._cards[name].running if each.request not in give_up]
        again = super().remove_card(name, give_up)
        charges = {each.number: each.charge for each in running}
        for queue in self._queues.values():
            queue[:] = [
                each._replace(charge=charges.get(each.number, each.charge)) for each in queue
            ]
        return again


class Tardy(Policy):
    """Keeps what is too late for any card."""

    def expire(self, now: int) -> tuple[Request, ...]:
        return ()
