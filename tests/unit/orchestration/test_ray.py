"""Cards that are Ray actors: results are right, and nothing is lost with them."""

import contextlib
import os
import signal
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

import tf2c
from tf2c.errors import DeviceError, UserError
from tf2c.orchestration.cards import ServedNetwork
from tf2c.orchestration.embedded import Runtime
from tf2c.orchestration.events import Event, Lost, Restarted
from tf2c.orchestration.ray_cards import RESOURCE, RayCard, connect
from tf2c.orchestration.requests import Tenant

ray = pytest.importorskip("ray", reason="`pip install 'tf2c[ray]'`")

REQUESTS = 100
KILLS = 3


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A cluster on this machine, with two cards."""
    ray.init(num_cpus=2, resources={RESOURCE: 2}, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def cards(cluster: None) -> Iterator[list[RayCard]]:
    found = [RayCard("simulator", b"", {RESOURCE: 1}) for _ in range(2)]
    yield found
    for each in found:
        each.close()


def test_nothing_is_lost_with_a_killed_actor(
    cards: list[RayCard],
    digits_artifact: tf2c.Artifact,
    heldout_images: npt.NDArray[np.float32],
) -> None:
    images = heldout_images[:8]
    expected = digits_artifact.run(images)
    networks = {
        "digits": ServedNetwork.read(digits_artifact.path),
        "again": ServedNetwork.read(digits_artifact.path),
    }
    events: list[Event] = []
    tenants = {"tenant": Tenant(queue_limit=REQUESTS)}
    with Runtime(networks, cards, tenants, observer=events.append) as runtime:
        for kill in range(KILLS):
            futures = [
                runtime.request(("digits", "again")[index % 3 == 0], "tenant")
                .arg(images[index % 8])
                .submit()
                for index in range(REQUESTS)
            ]
            futures[REQUESTS // 4].result(120)
            with contextlib.suppress(ProcessLookupError):
                os.kill(cards[kill % 2].process_id, signal.SIGKILL)
            for index, future in enumerate(futures):
                np.testing.assert_array_equal(future.result(120), expected[index % 8])
    lost = sum(isinstance(each, Lost) for each in events)
    assert 1 <= lost <= KILLS
    assert sum(isinstance(each, Restarted) for each in events) == lost


def test_a_cluster_without_a_place(cards: list[RayCard], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both cards of the cluster are taken."""
    monkeypatch.setattr("tf2c.orchestration.ray_cards.START_SECONDS", 2.0)
    with pytest.raises(DeviceError, match="did not answer in 2 s"):
        RayCard("simulator", b"", {RESOURCE: 1})


def test_a_device_that_is_none(cluster: None) -> None:
    with pytest.raises(UserError, match="expected a device, got `abacus`"):
        RayCard("abacus", b"", {})


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:port"])
def test_a_cluster_that_is_none(address: str) -> None:
    ray.shutdown()
    with pytest.raises(UserError, match=f"expected a Ray cluster at `{address}`, got none"):
        connect(address)
