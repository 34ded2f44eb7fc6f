"""A request to a runtime, as it is put together."""

import asyncio
from collections.abc import Generator, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tf2c.errors import UserError
from tf2c.orchestration.cards import Image, Scores
from tf2c.orchestration.requests import Request

if TYPE_CHECKING:
    from tf2c.orchestration.embedded import Runtime


@dataclass(slots=True)
class Call:
    """A request that is being put together; `await` it, `submit` it or `run` it."""

    runtime: "Runtime"
    network: str
    tenant: str
    seconds: float | None = None
    priority: int = 0
    image: Image | None = None

    def arg(self, image: Image) -> "Call":
        """Give the image, `[C, H, W]`; it is not copied before its batch is run."""
        self.image = image
        return self

    def submit(self) -> "Future[Scores]":
        """Queue the request; its future has the real numbers that the network returns."""
        return self.submit_all([self._given()])[0]

    def submit_all(self, images: Iterable[Image]) -> "list[Future[Scores]]":
        """Queue a request like this for each image, all or none, instead of `arg` and `submit`."""
        return self.runtime.submit(self, [*images])

    def run(self) -> Scores:
        """Return the result; runs in this thread if a card is idle."""
        return self.runtime.run(self, self._given())

    def expect_images(self, images: Iterable[Image], shape: tuple[int, ...]) -> None:
        """Check that images are as the network takes them.

        Raises:
            UserError: one has another shape.
        """
        for image in images:
            if image.shape != shape:
                raise UserError(
                    f"expected an image {shape} for network `{self.network}`, got {image.shape}"
                )

    def requests(self, numbers: Iterable[int], now: int) -> list[Request]:
        """Return requests like this that come now, one for each number."""
        deadline = None if self.seconds is None else now + int(self.seconds * 1e9)
        return [
            Request(number, self.tenant, self.network, deadline, self.priority)
            for number in numbers
        ]

    def __await__(self) -> Generator[Any, None, Scores]:
        """Wait for the result without holding the event loop up."""
        return asyncio.wrap_future(self.submit()).__await__()

    def _given(self) -> Image:
        if self.image is None:
            raise TypeError("expected an image, got a call without `arg`")
        return self.image
