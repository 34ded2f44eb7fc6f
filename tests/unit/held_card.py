"""A card that works for as long as a test wants it to."""

import threading
from collections.abc import Sequence

from tf2c.orchestration.cards import DeviceCard, Image, Scores, ServedNetwork
from tf2c.runtime.simulator import Simulator


class HeldCard(DeviceCard):
    """Begins, and ends when it may."""

    def __init__(self) -> None:
        super().__init__(lambda _: Simulator())
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.images = 0
        self.loaded: list[ServedNetwork] = []

    def load(self, network: ServedNetwork) -> None:
        self.loaded.append(network)
        super().load(network)

    def run(self, images: Sequence[Image]) -> Sequence[Scores]:
        self.begun.set()
        assert self.may_end.wait(120)
        self.images += len(images)
        return super().run(images)
