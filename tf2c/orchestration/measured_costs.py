"""What networks take on the cards that run them, measured while they do.

Batches of `n` images take `batch + n * image`; both come from the line of least squares through the
batches that were run, the older the less they count. So costs follow cards that become slower, and
are of all cards together where these differ.
"""

from dataclasses import dataclass, field

from tf2c.orchestration.requests import Network

FORGETTING = 0.95
"""What a batch counts for, of what the one behind it does."""


@dataclass
class _Line:
    """Sums over batches, of `n` images and `t` nanoseconds each."""

    weight: float = 0.0
    n: float = 0.0
    t: float = 0.0
    nn: float = 0.0
    nt: float = 0.0

    def add(self, n: int, t: int) -> None:
        """Count one more batch."""
        for name, value in (("weight", 1), ("n", n), ("t", t), ("nn", n * n), ("nt", n * t)):
            setattr(self, name, FORGETTING * getattr(self, name) + value)

    def costs(self) -> tuple[float, float]:
        """Return nanoseconds of a batch and of each image; neither is less than 0."""
        spread = self.weight * self.nn - self.n**2
        proportional = 0.0, self.t / self.n
        if spread < 1e-6 * self.n**2:  # all batches were of one size
            return proportional
        image = (self.weight * self.nt - self.n * self.t) / spread
        batch = (self.t - image * self.n) / self.weight
        if image < 0:
            return self.t / self.weight, 0.0
        return (batch, image) if batch >= 0 else proportional


@dataclass
class MeasuredCosts:
    """Costs of one network; those that were stated, as long as nothing has been measured."""

    costs: Network
    _line: _Line = field(default_factory=_Line)
    _load: float | None = None

    def add(self, images: int, nanoseconds: int, load: int | None) -> Network:
        """Count a batch.

        Args:
            images: of the batch.
            nanoseconds: that it took, without loading.
            load: what loading took; None if the card had the network.

        Returns:
            what the network takes by now.
        """
        if load is not None:
            old = load if self._load is None else self._load
            self._load = FORGETTING * old + (1 - FORGETTING) * load
        self._line.add(images, nanoseconds)
        batch, image = self._line.costs()
        self.costs = self.costs._replace(
            image=max(round(image), 1),
            batch=round(batch),
            load=self.costs.load if self._load is None else round(self._load),
        )
        return self.costs
