"""Policies that break a promise each, and networks and tenants for them."""

from collections.abc import Collection, Mapping, Sequence

from tf2c.orchestration.fair_queueing import TAG_UNIT
from tf2c.orchestration.policy import Dispatch, Policy
from tf2c.orchestration.requests import Network, Request, Tenant
from tf2c.orchestration.waiting_lines import Place, Waiting

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

    def complete(self, name: str, number: int | None = None, *, has_network: bool = True) -> None:
        done = self._cards[name].batches[0][0]
        super().complete(name, number, has_network=has_network)
        self._wait_again(done)


class LastInFirstOut(Policy):
    """Takes the last request for a network."""

    def _take(self, network: str) -> Waiting:
        rivals = [each for each in self._places.values() if each.request.network == network]
        place = self._places.pop(max(each.number for each in rivals))
        rank = self._network_lines[network].first.rank
        taken = Waiting(rank, place.number, place.request, place.charge)
        self._leave(place, pays=True)
        return taken


class Lazy(Policy):
    """Leaves the last card idle."""

    def next(self, now: int) -> Dispatch | None:
        idle = sum(not card.batches for card in self._cards.values())
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
            if not card.batches:
                self._unrest(name, card)
                card.loaded = None
                self._rest(name, card)
        return super().next(now)


class Overdue(Policy):
    """Batches without regard to deadlines."""

    def _fill(self, batch: list[Waiting], network: Network, limit: int, begin: int) -> None:
        super()._fill(batch, network, limit, -(1 << 60))


class Greedy(Policy):
    """Takes more than a tenant may have."""

    def submit(self, request: Request, now: int) -> None:
        line = self._tenant_lines[request.tenant]
        line.tenant = line.tenant._replace(queue_limit=1 << 30)
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


class Displacing(Policy):
    """Loads on cards that are needed as on others."""

    def _is_needed(self, name: str, now: int) -> bool:
        return False


class Sparing(Policy):
    """Takes all cards for needed."""

    def _is_needed(self, name: str, now: int) -> bool:
        return True


class Nostalgic(Policy):
    """Takes a card for needed whose network was asked for once."""

    def _is_needed(self, name: str, now: int) -> bool:
        return super()._is_needed(name, self._asked.get(self._cards[name].loaded or "", now))


class Fickle(Policy):
    """Loads on the card that has worked last."""

    def _card_to_load(self) -> str:
        idle = [card for cards in self._idle.values() for card in cards.items()]
        return max(idle, key=lambda item: item[1].idle_since)[0]


class Patient(Policy):
    """Waits for cards that have a network, however many others do."""

    def _is_worth_loading(self, request: Request, now: int) -> bool:
        return not self._holders[request.network]


class Idling(Policy):
    """Leaves cards idle because of who waits for other cards."""

    def _instead_of(
        self, first: Waiting, firsts: Sequence[Waiting], limit: int, now: int
    ) -> Waiting | None:
        may_go = [each for each in firsts if each.rank <= limit]
        return super()._instead_of(first, may_go, limit, now)


class Stubborn(Policy):
    """Never loads the network of who holds others up."""

    def _count_holding(self, now: int) -> None:
        super()._count_holding(now)
        self._held = 0


class Rushing(Policy):
    """Loads the network of who holds others up at once."""

    def _count_holding(self, now: int) -> None:
        super()._count_holding(now)
        self._held = 1 << 60


class Overfull(Policy):
    """Gives cards more batches ahead than they may have."""

    def add_card(self, name: str, loaded: str | None = None, depth: int = 1) -> None:
        super().add_card(name, loaded, depth + 1 if depth > 1 else 1)


class Hasty(Policy):
    """Gives cards ahead whatever waits, though more would come."""

    def _ahead(
        self, firsts: Sequence[Waiting], limit: int, now: int
    ) -> tuple[Waiting, str, int] | None:
        networks = self.networks
        self.networks = {name: each._replace(largest_batch=1) for name, each in networks.items()}
        found = super()._ahead(firsts, limit, now)
        self.networks = networks
        return found


class Blind(Policy):
    """Gives cards ahead what will be late there."""

    def _ahead(
        self, firsts: Sequence[Waiting], limit: int, now: int
    ) -> tuple[Waiting, str, int] | None:
        return super()._ahead(firsts, limit, -(1 << 60))


class Absent(Policy):
    """Forgets, of a card that fails, what it was given ahead."""

    def remove_card(self, name: str, give_up: Collection[Request] = ()) -> tuple[Request, ...]:
        ahead = [each for batch in self._cards[name].batches[1:] for each in batch]
        running = super().remove_card(name, give_up)
        self.withdraw([each.number for each in ahead])
        return tuple(each for each in running if each not in [one.request for one in ahead])


class Charging(Policy):
    """Lets tenants pay for what they gave up."""

    def _leave(self, place: Place, *, pays: bool) -> None:
        super()._leave(place, pays=True)


class Indulgent(Policy):
    """Moves all of a tenant's requests forward when it gives one up."""

    def _leave(self, place: Place, *, pays: bool) -> None:
        super()._leave(place, pays=True)
        if not pays:
            line = self._tenant_lines[place.request.tenant]
            line.finish -= place.charge
            line._end.behind.gap -= place.charge  # pyright: ignore[reportPrivateUsage]
            for (network, _), lane in line._lanes.items():  # pyright: ignore[reportPrivateUsage]
                lane.rank -= place.charge
                self._network_lines[network].note(lane.first)


class Forgetful(Policy):
    """Lets tenants pay less for what comes, but not for what waits already."""

    def _leave(self, place: Place, *, pays: bool) -> None:
        super()._leave(place, pays=True)
        if not pays:
            line = self._tenant_lines[place.request.tenant]
            line.finish -= place.charge
            line._end.gap -= place.charge  # pyright: ignore[reportPrivateUsage]


class Generous(Policy):
    """Lets nobody pay for what a card did before it failed."""

    def _wait_again(self, waiting: Waiting) -> None:
        request = waiting.request
        weight = self._tenant_lines[request.tenant].tenant.weight
        charge = self.networks[request.network].service(1) * TAG_UNIT // weight
        super()._wait_again(waiting._replace(charge=charge))


class Tardy(Policy):
    """Keeps what is too late for any card."""

    def expire(self, now: int) -> tuple[Request, ...]:
        return ()
