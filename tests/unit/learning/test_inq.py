"""Incremental Network Quantization on a network that trains in milliseconds."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from unit.learning.small_network import CLASSES, SETTINGS, labeled_images, small_network

from tf2c.errors import UserError
from tf2c.learning import inq
from tf2c.learning.batches import Batch, Batches
from tf2c.learning.checkpoint import Checkpoint
from tf2c.learning.inq import SHARES, Outcome, retrain
from tf2c.learning.rounded_weights import RoundedWeights
from tf2c.learning.settings import Settings
from tf2c.learning.torch_network import TorchNetwork
from tf2c.learning.torch_ops import tensor_of
from tf2c.numerics import exponents, pow2

EPOCHS = SETTINGS.epochs * len(SHARES)


def labeled_batches(epoch: int) -> Iterable[Batch]:
    images, labels = labeled_images()
    for first in range(0, len(images), SETTINGS.batch):
        part = slice(first, first + SETTINGS.batch)
        yield images[part], labels[part]


def unlabeled_batches(epoch: int) -> Iterable[Batch]:
    return ((images, None) for images, _ in labeled_batches(epoch))


def train(
    folder: Path,
    batches: Batches = labeled_batches,
    settings: Settings = SETTINGS,
    **options: Any,
) -> tuple[TorchNetwork, Outcome]:
    network = TorchNetwork(small_network(folder))
    return network, retrain(network, batches, settings, **options)


def parameters(network: TorchNetwork) -> list[torch.Tensor]:
    return [each.detach() for each in network.parameters()]


def assert_equal_parameters(one: TorchNetwork, other: TorchNetwork) -> None:
    pairs = zip(parameters(one), parameters(other), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)


def test_every_weight_is_a_level_in_the_end(tmp_path: Path) -> None:
    original = TorchNetwork(small_network(tmp_path))
    network, _ = train(tmp_path)
    for before, after in zip(original.layers, network.layers, strict=True):
        exponent = exponents.layer_pow2_exponent(before.weight.detach().numpy())
        levels = after.weight.detach().numpy() / 2.0**exponent
        assert pow2.has_one_term(levels.astype(np.int8)).all()
        assert (levels == levels.astype(np.int8)).all()


def recorded(monkeypatch: pytest.MonkeyPatch, folder: Path, settings: Settings) -> list[Checkpoint]:
    """Train and return what each epoch left."""
    left: list[Checkpoint] = []

    def keep(path: Path, checkpoint: Checkpoint) -> None:
        left.append(copy.deepcopy(checkpoint))

    monkeypatch.setattr(inq, "save_checkpoint", keep)
    train(folder, settings=settings, checkpoint=folder / "absent.pt")
    return left


def test_frozen_weights_never_move_and_others_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    left = recorded(monkeypatch, tmp_path, replace(SETTINGS, weight_decay=0.1))
    assert len(left) == EPOCHS
    for one, other in pairwise(left):
        weights = [
            [each for each in kept.parameters.values() if each.ndim > 1] for kept in (one, other)
        ]
        is_same_round = one.epoch % SETTINGS.epochs != 0
        for before, after, frozen, later in zip(*weights, one.frozen, other.frozen, strict=True):
            assert torch.equal(before[frozen], after[frozen])
            assert not (frozen & ~later).any()
            if is_same_round:
                assert torch.equal(frozen, later)
            if not later.all():
                assert (before[~later] != after[~later]).any()


def test_each_round_freezes_its_share(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for kept in recorded(monkeypatch, tmp_path, SETTINGS):
        share = SHARES[(kept.epoch - 1) // SETTINGS.epochs]
        for frozen in kept.frozen:
            assert frozen.sum() == round(share * frozen.numel())


def test_biases_are_trained_when_all_weights_are_frozen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one, other = recorded(monkeypatch, tmp_path, SETTINGS)[-2:]
    for name, before in one.parameters.items():
        assert torch.equal(before, other.parameters[name]) == (before.ndim > 1), name


def test_training_makes_up_for_rounding(tmp_path: Path) -> None:
    _, outcome = train(tmp_path, settings=replace(SETTINGS, epochs=6))
    assert [each.share for each in outcome.rounds] == list(SHARES)
    assert outcome.rounds[0].after.loss < outcome.rounds[0].before.loss
    assert outcome.rounds[-1].after.loss < outcome.original.loss / 2
    assert outcome.rounds[-1].after.accuracy > outcome.original.accuracy


def loss_of_direct_rounding(folder: Path) -> float:
    """Return the cross-entropy with the float network's predictions if all is rounded at once."""
    network, original = (TorchNetwork(small_network(folder)) for _ in range(2))
    for each in network.layers:
        RoundedWeights(each.weight).round_largest(1.0)
    images = tensor_of(labeled_images()[0])
    with torch.no_grad():
        predicted = functional.softmax(original(images), dim=1)
        return functional.cross_entropy(network(images), predicted).item()


def test_without_labels_it_comes_closer_to_what_the_float_network_says(tmp_path: Path) -> None:
    images = tensor_of(labeled_images()[0])
    original = TorchNetwork(small_network(tmp_path))
    settings = replace(SETTINGS, epochs=6, learning_rate=0.05)
    network, outcome = train(tmp_path, unlabeled_batches, settings)
    last = outcome.rounds[-1].after
    with torch.no_grad():
        agrees = network(images).argmax(dim=1) == original(images).argmax(dim=1)
    assert outcome.original.accuracy == 100
    assert last.accuracy == pytest.approx(100 * agrees.float().mean().item())
    # What the loss is more than that of the predictions themselves.
    excess = last.loss - outcome.original.loss
    assert 0 < excess < (loss_of_direct_rounding(tmp_path) - outcome.original.loss) / 3


def interrupt_in(epoch: int) -> Callable[[str, int], None]:
    def interrupt(what: str, done: int) -> None:
        if what == f"epoch {epoch}" and done > SETTINGS.batch:
            raise KeyboardInterrupt

    return interrupt


@pytest.mark.parametrize("epoch", range(1, EPOCHS + 1))
def test_a_resumed_training_comes_to_the_same_weights(epoch: int, tmp_path: Path) -> None:
    expected, outcome = train(tmp_path)
    path = tmp_path / "training.pt"
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, checkpoint=path, progress=interrupt_in(epoch))
    assert path.exists() == (epoch > 1)
    network, resumed = train(tmp_path, checkpoint=path)
    assert_equal_parameters(network, expected)
    assert resumed == outcome


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "training.pt"
    expected, outcome = train(tmp_path, checkpoint=path)
    network, resumed = train(tmp_path, lambda epoch: (), checkpoint=path)
    assert_equal_parameters(network, expected)
    assert resumed == outcome


def shuffling(epoch: int) -> Iterable[Batch]:
    images, labels = labeled_images()
    dataset = TensorDataset(tensor_of(images), tensor_of(labels))
    return DataLoader(dataset, batch_size=SETTINGS.batch, shuffle=True)


def test_a_data_loader_shuffles_by_the_seed(tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    one, _ = train(tmp_path, shuffling)
    torch.rand(3)
    same, _ = train(tmp_path, shuffling)
    other, _ = train(tmp_path, shuffling, replace(SETTINGS, seed=2))
    assert_equal_parameters(one, same)
    assert any(
        not torch.equal(*pair) for pair in zip(parameters(one), parameters(other), strict=True)
    )
    torch.random.set_rng_state(state)


def test_the_users_random_numbers_are_left_alone(tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    train(tmp_path, shuffling)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_list_is_a_loader(tmp_path: Path) -> None:
    listed = list(labeled_batches(0))
    expected, _ = train(tmp_path)
    network, _ = train(tmp_path, lambda epoch: listed)
    assert_equal_parameters(network, expected)


def refused(folder: Path, *batches: Batch) -> str:
    with pytest.raises(UserError) as refusal:
        train(folder, lambda epoch: batches)
    return str(refusal.value)


IMAGES = np.zeros((2, 1, 6, 6), np.float32)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES, [0, 3], "expected labels of 0 to 2, got 3"),
        (IMAGES, [-1, 0], "expected labels of 0 to 2, got -1"),
        (IMAGES, [0], "expected 2 labels of 2 images, got (1,)"),
        (IMAGES[:, :, :5], [0, 1], "expected images of shape Nx1x6x6, got 2x1x5x6"),
        (IMAGES[0], [0, 1], "expected images of shape Nx1x6x6, got 1x6x6"),
    ],
)
def test_batches_that_do_not_fit_are_refused(
    images: Any, labels: list[int], message: str, tmp_path: Path
) -> None:
    assert CLASSES == 3
    assert refused(tmp_path, (images, np.array(labels))) == message


def test_no_images_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path) == "expected images to train on, got none"


def test_images_of_nan_are_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, (np.full_like(IMAGES, np.nan), np.array([0, 1])))
    assert message == "expected a finite loss of the network (float), got nan"


def test_a_training_that_diverges_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"diverged in epoch \d+: the loss is (nan|inf)"):
        train(tmp_path, settings=replace(SETTINGS, learning_rate=1e30))
