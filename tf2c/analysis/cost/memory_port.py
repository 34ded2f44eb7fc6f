"""What comes and goes between the card's memory and the chip: weights first, then transfers.

Weights of whole filter tiles arrive one behind the other, as long as there is room for them and no
job that has its weights waits for a transfer.
Transfers between the memory and the feature cache follow each other in the order of their table;
one begins when as many jobs have been issued, and results stored, as it waits for, and moves some
channel vectors in each iteration in which no weights arrive.
"""

from collections import deque
from collections.abc import Iterator, Sequence

from tf2c.interlock import Interlock
from tf2c.program import Program

PARAMETER_BYTES = 8
"""Of each filter, that come with its weights: bias and multiplier."""


class MemoryPort:
    """When weights have arrived and transfers are complete, asked for in the order of jobs."""

    def __init__(self, program: Program, interlock: Interlock, images: int, frames: int) -> None:
        """Begin before the first iteration.

        Args:
            program: whose weights and transfers these are.
            interlock: of the program for as many images.
            images: of a batch.
            frames: batches one behind the other.
        """
        self._program = program
        self._interlock = interlock
        self._images = images
        self._tiles = deque(self._all_tiles(frames))
        self._room = program.engine.weight_depth
        self._waiting: deque[int] = deque()  # words of the tiles that have been asked for
        self._used: deque[int] = deque()  # when the first vectors of tiles before were issued
        self._freed = 0  # when there was room for the last tile
        self._arrivals: deque[int] = deque()  # of tiles that nobody has asked for yet
        self._arrived = 0
        self._busy: deque[tuple[int, int]] = deque()  # iterations in which weights arrive
        self._job_ends: list[int] = []
        self._transferred: list[int] = []  # when each transfer was complete

    def _all_tiles(self, frames: int) -> Iterator[tuple[int, int]]:
        """Yield the words of each filter tile, and in how many iterations they come."""
        engine = self._program.engine
        for _ in range(frames):
            for job in self._program.jobs:
                for tile in range(job.filter_tiles):
                    words = job.weight_words if tile < job.weight_tiles else 0
                    size = words * engine.weight_word_bytes + PARAMETER_BYTES * engine.filter_vector
                    yield words, -(-job.split * size // engine.memory_bytes)

    def _let_arrive(self, until: int) -> None:
        """Let weights begin to arrive until an iteration, and at least those of the next tile."""
        while self._tiles:
            words, iterations = self._tiles[0]
            while self._room < words and self._used:
                self._room += self._waiting.popleft()
                self._freed = self._used.popleft()
            if self._room < words:
                return
            begin = max(self._arrived, self._freed)
            if self._arrivals and begin >= until:
                return
            self._tiles.popleft()
            self._room -= words
            self._waiting.append(words)
            self._arrived = begin + iterations
            self._busy.append((begin + 1, self._arrived))
            self._arrivals.append(self._arrived)

    def next_weights(self) -> int:
        """Return when the next tile's weights have arrived."""
        self._let_arrive(until=0)
        return self._arrivals.popleft()

    def use_weights(self, iteration: int) -> None:
        """Say in which iteration the last tile's first vector was issued completely."""
        self._used.append(iteration)

    def finish_job(self, iteration: int) -> None:
        """Say in which iteration a job's last vector was issued completely."""
        self._job_ends.append(iteration)

    def transferred(self, frame: int, transfers: int, stored: Sequence[int], now: int) -> int:
        """Return when so many transfers of a frame, and all before it, are complete; 0 if none.

        Args:
            frame: of the job that asks.
            transfers: which it waits for.
            stored: when each result is, of the jobs before.
            now: from when on the job waits for nothing else but its weights.
        """
        count = frame * len(self._program.transfers) + transfers
        if not count:
            return 0
        # From the iteration on in which the job's weights are there, no others begin to arrive.
        self._let_arrive(until=now)
        held = max(now, self._arrivals[0])
        self._let_arrive(until=held)
        while len(self._transferred) < count:
            self._transferred.append(self._complete(stored))
        complete = self._transferred[count - 1]
        if complete >= held:
            self._arrived = max(self._arrived, complete + 1)
        return complete

    def _complete(self, stored: Sequence[int]) -> int:
        """Return when the next transfer is complete."""
        frame, index = divmod(len(self._transferred), len(self._program.transfers))
        transfer = self._program.transfers[index]
        now = self._transferred[-1] + 1 if self._transferred else 1
        jobs = frame * len(self._program.jobs) + transfer.after_jobs
        if jobs > 0:
            now = max(now, self._job_ends[jobs - 1] + 1)
        results = frame * self._interlock.results + int(self._interlock.transfers[index])
        if results > 0:
            now = max(now, stored[results - 1])
        missing = -(-transfer.vectors * self._images // self._program.engine.vectors_per_transfer)
        while self._busy:
            first, last = self._busy[0]
            if now < first:
                free = first - now
                if free >= missing:
                    break
                missing -= free
            now = max(now, last + 1)
            self._busy.popleft()
        return now + missing - 1
