"""The lines in which requests wait: each in that of its tenant, and in that for its network.

A request that is given up lets all later ones of its tenant move forward, so a start tag is kept as
its difference to the one before it, and moving forward is one subtraction. Tags themselves are
known of the first request of each lane only: what a tenant asks for of one network at one priority
keeps its order, so no other can be next.
"""

from collections import OrderedDict
from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from tf2c.orchestration.requests import Request, Tenant

LEAST_FORGOTTEN = 64
"""Entries of a heap that have become void and are removed together, not one by one."""


class Waiting(NamedTuple):
    """A request that waits; the lesser one goes first."""

    rank: int
    """The start tag, less the head start of its priority."""
    number: int
    request: Request
    charge: int
    """By how much the tags of what its tenant asks for later are later because of it."""


class _Link:
    """A place in a ring, whose end is one, too."""

    __slots__ = ("before", "behind", "gap")

    def __init__(self) -> None:
        self.gap = 0
        """By how much its start tag is later than that of the place before it."""
        self.before: _Link = self
        self.behind: _Link = self


class Place(_Link):
    """A request that waits."""

    __slots__ = ("charge", "lane", "number", "request")

    def __init__(self, waiting: Waiting, lane: "Lane") -> None:
        """Take what stays the same."""
        _, self.number, self.request, self.charge = waiting
        self.lane = lane


class Lane:
    """Requests of one tenant for one network at one priority, in order."""

    __slots__ = ("head", "key", "places", "rank")

    def __init__(self, key: tuple[str, int]) -> None:
        """Start with none."""
        self.key = key
        """Network and priority."""
        self.places: OrderedDict[int, Place] = OrderedDict()
        self.head: Place
        """The first, if there is one."""
        self.rank = 0
        """Of the first."""

    @property
    def first(self) -> Waiting:
        """Return the first as it waits."""
        head = self.head
        return Waiting(self.rank, head.number, head.request, head.charge)


class TenantLine:
    """All that a tenant has asked for and that waits, in order."""

    def __init__(self, tenant: Tenant) -> None:
        """Start with none."""
        self.tenant = tenant
        self.waiting = 0
        self.finish = 0
        """Where what is asked for next starts, if it is asked for in time."""
        self._end = _Link()  # with `finish` as its start tag
        self._lanes: dict[tuple[str, int], Lane] = {}

    def pay(self, virtual_time: int, charge: int) -> int:
        """Let the tenant ask for something; return the start tag of that."""
        start = max(virtual_time, self.finish)
        self._end.gap += start + charge - self.finish
        self.finish = start + charge
        return start

    def join(self, waiting: Waiting) -> Place:
        """Let what was paid for last wait."""
        place, end = self._enter_lane(waiting), self._end
        place.gap = end.gap - waiting.charge
        end.gap = waiting.charge
        _link(end.before, place, end)
        return place

    def join_again(self, waiting: Waiting, head_start: int) -> Place:
        """Let a request wait where it did, or earlier if later ones have moved forward.

        Args:
            waiting: what has been taken.
            head_start: of its priority.
        """
        before, start = self._end, 0
        while isinstance(behind := before.behind, Place) and behind.number < waiting.number:
            before = behind
            start += before.gap
        gap = min(waiting.rank + head_start - start, behind.gap)
        waiting = waiting._replace(rank=start + gap - head_start)
        place = self._enter_lane(waiting)
        place.gap = gap
        behind.gap -= gap
        _link(before, place, behind)
        lane = place.lane
        if lane.head.number > waiting.number:
            lane.places.move_to_end(waiting.number, last=False)
            lane.head, lane.rank = place, waiting.rank
        elif lane.head is not place:  # some of the lane wait again already: seldom
            lane.places = OrderedDict(sorted(lane.places.items()))
        return place

    def leave(self, place: Place, *, pays: bool) -> list[Lane]:
        """Let a request wait no more.

        Args:
            place: of the request.
            pays: whether the tenant still pays for it; else all later ones move forward.

        Returns:
            Lanes whose first is another now, or has another rank.
        """
        number, lane, before, behind = place.number, place.lane, place.before, place.behind
        forward = 0 if pays else place.charge
        before.behind, behind.before = behind, before
        behind.gap += place.gap - forward
        self.finish -= forward
        self.waiting -= 1
        del lane.places[number]
        changed: list[Lane] = []
        if not lane.places:
            del self._lanes[lane.key]
        elif lane.head is place:
            lane.head = head = next(iter(lane.places.values()))
            lane.rank -= place.gap
            cursor = before
            while cursor is not head:
                cursor = cursor.behind
                lane.rank += cursor.gap
            changed.append(lane)
        if forward:
            for other in self._lanes.values():
                if other is not lane and other.head.number > number:
                    other.rank -= forward
                    changed.append(other)
        return changed

    def _enter_lane(self, waiting: Waiting) -> Place:
        """Give a request a place at the end of its lane."""
        key = waiting.request.network, waiting.request.priority
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key)
        place = Place(waiting, lane)
        if not lane.places:
            lane.head, lane.rank = place, waiting.rank
        lane.places[waiting.number] = place
        self.waiting += 1
        return place


class NetworkLine:
    """All that waits for a network."""

    def __init__(self, places: Mapping[int, Place], first: Waiting) -> None:
        """Start with one.

        Args:
            places: of all that waits, by number.
            first: what waits for this network.
        """
        self.length = 1
        self.first = first
        self._places = places
        self._heads = [first]  # a heap: the first of each lane, and what once was the first of one

    def join(self, place: Place) -> None:
        """Let a request wait that has a place in its tenant's line."""
        self.length += 1
        if place.lane.head is place:
            self.note(place.lane.first)

    def note(self, head: Waiting) -> None:
        """Take note of the first of a lane, which is another or has another rank than before."""
        heappush(self._heads, head)
        self.first = min(self.first, head)
        if len(self._heads) > 2 * self.length + LEAST_FORGOTTEN:
            self._heads = [*filter(self._is_head, self._heads)]
            heapify(self._heads)

    def leave(self, place: Place) -> None:
        """Let a request wait no more that has left its tenant's line."""
        self.length -= 1
        if self.length and self.first.number == place.number:
            while not self._is_head(self._heads[0]):
                heappop(self._heads)
            self.first = self._heads[0]

    def _is_head(self, waiting: Waiting) -> bool:
        place = self._places.get(waiting.number)
        if place is None:
            return False
        return place.lane.head is place and place.lane.rank == waiting.rank


def _link(before: _Link, place: Place, behind: _Link) -> None:
    """Put a place between two."""
    place.before, place.behind = before, behind
    before.behind = behind.before = place
