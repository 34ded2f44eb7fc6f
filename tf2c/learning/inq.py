"""Incremental Network Quantization: weights become powers of two while training makes up for it.

Zhou et al., "Incremental Network Quantization: Towards Lossless CNNs with Low-Precision Weights",
ICLR 2017, which is how TF2's networks get their 4-bit weights. In five rounds the largest weights
of each layer, 30, 60, 80, 90 and in the end 100 % of them, are rounded and frozen
(`rounded_weights.py`), and after each round what is left is trained for some epochs. In the last
round only biases are left.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional

from tf2c.errors import UserError
from tf2c.learning.batches import Batches, image_tensor, label_tensor
from tf2c.learning.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from tf2c.learning.reproducibility import seeded
from tf2c.learning.rounded_weights import RoundedWeights
from tf2c.learning.settings import Settings
from tf2c.learning.torch_network import TorchNetwork
from tf2c.learning.torch_ops import Tensor

SHARES = (0.3, 0.6, 0.8, 0.9, 1.0)
"""Of a layer's weights, how many are rounded after each round (the paper's, section 3.1)."""

Progress = Callable[[str, int], None]
"""Told what images are read for, and how many have been in this reading."""


@dataclass(frozen=True)
class Measurement:
    """How well a network does on the training images."""

    loss: float
    """Cross-entropy per image."""
    accuracy: float
    """Percent of the images whose label is the best class; without labels, the float network's."""


@dataclass(frozen=True)
class Round:
    """What one round has done."""

    share: float
    """Of the weights that are rounded, as one of `SHARES`."""
    before: Measurement
    """Behind rounding, before training."""
    after: Measurement


@dataclass(frozen=True)
class Outcome:
    """What retraining has done."""

    original: Measurement
    """Of the float network."""
    rounds: tuple[Round, ...]


def retrain(
    network: TorchNetwork,
    batches: Batches,
    settings: Settings,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Round all weights of a network, a part at a time, and train the others in between.

    Args:
        network: the trained network; its parameters are changed in place.
        batches: the training images of each epoch.
        settings: of the training.
        checkpoint: written after every epoch; where there is one already, training resumes, and
            comes to the same weights, bit for bit, as without an interruption.
        progress: told about images.

    Raises:
        UserError: the images or labels do not fit the network, the checkpoint is of another
            training, or the training diverges.
    """
    if not network.layers:
        raise UserError("expected a network with weights to retrain, got none")
    training = _Training(network, batches, settings, progress)
    if checkpoint is not None and checkpoint.exists():
        training.resume(load_checkpoint(checkpoint, network.digest, settings))
    else:
        training.start()
    while training.is_unfinished:
        training.run_epoch()
        if checkpoint is not None:
            save_checkpoint(checkpoint, training.checkpoint())
    return training.outcome()


class _Training:
    """A network, and how far its training has come."""

    def __init__(
        self,
        network: TorchNetwork,
        batches: Batches,
        settings: Settings,
        progress: Progress | None,
    ) -> None:
        self._network = network
        self._original = network.original()
        self._batches = batches
        self._settings = settings
        self._progress = progress
        self._weights = [RoundedWeights(each.weight) for each in network.layers]
        self._optimizer = self._new_optimizer()
        self._epoch = 0
        self._measured: list[Measurement] = []
        """The float network, then each round before and after it."""

    @property
    def is_unfinished(self) -> bool:
        return self._epoch < self._settings.epochs * len(SHARES)

    def start(self) -> None:
        self._measured.append(self._measure("float"))

    def run_epoch(self) -> None:
        """Train for an epoch; the first one of a round rounds, the last one measures."""
        index, epoch_of_round = divmod(self._epoch, self._settings.epochs)
        if epoch_of_round == 0:
            for each in self._weights:
                each.round_largest(SHARES[index])
            self._optimizer = self._new_optimizer()
            self._measured.append(self._measure(f"{SHARES[index]:.0%} rounded"))
        self._train(epoch_of_round)
        self._epoch += 1
        if epoch_of_round == self._settings.epochs - 1:
            self._measured.append(self._measure(f"{SHARES[index]:.0%} retrained"))

    def outcome(self) -> Outcome:
        original, *others = self._measured
        pairs = zip(SHARES, others[::2], others[1::2], strict=True)
        return Outcome(original, tuple(Round(*each) for each in pairs))

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(
            network=self._network.digest,
            settings=self._settings,
            epoch=self._epoch,
            measured=[(each.loss, each.accuracy) for each in self._measured],
            parameters=self._network.state_dict(),
            frozen=[each.frozen for each in self._weights],
            optimizer=self._optimizer.state_dict(),
        )

    def resume(self, checkpoint: Checkpoint) -> None:
        self._epoch = checkpoint.epoch
        self._measured = [Measurement(*each) for each in checkpoint.measured]
        self._network.load_state_dict(checkpoint.parameters)
        for each, frozen in zip(self._weights, checkpoint.frozen, strict=True):
            each.resume(frozen)
        self._optimizer.load_state_dict(checkpoint.optimizer)

    def _new_optimizer(self) -> torch.optim.Optimizer:
        """Return an optimizer without momentum, which each round begins with."""
        return torch.optim.SGD(
            self._network.parameters(),
            lr=self._settings.learning_rate,
            momentum=self._settings.momentum,
            weight_decay=self._settings.weight_decay,
        )

    def _train(self, epoch_of_round: int) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.rate_in(epoch_of_round)
        for images, target, _ in self._read(f"epoch {self._epoch + 1}"):
            loss = functional.cross_entropy(self._scores(images), target)
            if not math.isfinite(loss.item()):
                raise UserError(
                    f"the training diverged in epoch {self._epoch + 1}: the loss is {loss.item()}",
                    hint="a smaller learning rate helps",
                )
            self._optimizer.zero_grad()
            loss.backward()  # pyright: ignore[reportUnknownMemberType]
            self._optimizer.step()
            # Whatever gradient, momentum and weight decay have done to them.
            for each in self._weights:
                each.restore()

    @torch.no_grad()
    def _measure(self, what: str) -> Measurement:
        loss, hits, count = 0.0, 0, 0
        for images, target, labels in self._read(what):
            scores = self._scores(images)
            loss += functional.cross_entropy(scores, target, reduction="sum").item()
            hits += int((scores.argmax(dim=1) == labels).sum())
            count += len(images)
        if not math.isfinite(loss):
            raise UserError(f"expected a finite loss of the network ({what}), got {loss}")
        return Measurement(loss / count, 100 * hits / count)

    def _read(self, what: str) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield images, what to train for (labels or probabilities), and the right classes."""
        done = 0
        with seeded(self._settings.seed, self._epoch):
            for given, given_labels in self._batches(self._epoch):
                images = image_tensor(given, self._network.extents)
                if given_labels is None:
                    target = self._predicted(images)
                    labels = target.argmax(dim=1)
                else:
                    labels = label_tensor(given_labels, len(images), self._network.classes)
                    target = labels
                yield images, target, labels
                done += len(images)
                if self._progress is not None:
                    self._progress(what, done)
        if done == 0:
            raise UserError("expected images to train on, got none")

    @torch.no_grad()
    def _predicted(self, images: Tensor) -> Tensor:
        return functional.softmax(self._original(images).reshape(len(images), -1), dim=1)

    def _scores(self, images: Tensor) -> Tensor:
        return self._network(images).reshape(len(images), -1)
