"""Cards shared in one process: all results are right, whoever asks, and whatever fails."""

import copy
import threading
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest
from unit.held_card import HeldCard
from unit.onnx_models import classifier_model, random_weights, save_model

import tf2c
from tf2c.errors import DeviceError
from tf2c.orchestration.cards import DeviceCard, ServedNetwork, results
from tf2c.orchestration.embedded import Runtime
from tf2c.orchestration.events import Completed, Event, Restarted
from tf2c.orchestration.requests import LateError, RejectedError, Tenant
from tf2c.runtime.device import Memories
from tf2c.runtime.simulator import Simulator

TENANTS = {"one": Tenant(1), "three": Tenant(3)}


class FailingSimulator(Simulator):
    """Works for a while."""

    name = "failing"

    def __init__(self, executions: int) -> None:
        super().__init__()
        self._left = executions

    def execute(self, memories: Memories) -> dict[str, int]:
        if self._left == 0:
            raise DeviceError("the card is gone")
        self._left -= 1
        return super().execute(memories)


def failing(executions: int) -> DeviceCard:
    """Return a card that works for a while, and then never again."""
    devices = [FailingSimulator(executions)]

    def open_device(_: bytes) -> Simulator:
        if not devices:
            raise DeviceError("it stays away")
        return devices.pop()

    return DeviceCard(open_device)


class Served:
    """Two networks, images for each, and what a single card makes of them."""

    def __init__(
        self, digits: tf2c.Artifact, images: npt.NDArray[np.float32], folder: Path
    ) -> None:
        self.artifact = digits
        model = save_model(folder / "net.onnx", classifier_model())
        other = tf2c.compile(model, calib="random:8", output=folder / "net.tf2c")
        self.networks = {
            "digits": ServedNetwork.read(digits.path),
            "other": ServedNetwork.read(other.path),
        }
        self.images = {"digits": images[:8], "other": random_weights(5, 8, 3, 11, 10)}
        self.expected = {
            name: each.execute(self.images[name]).values
            for name, each in (("digits", digits), ("other", other))
        }

    def assert_all_right(self, runtime: Runtime, requests: int, tenant: str) -> None:
        """Request images of both networks, as they come, and look at all results."""
        random = np.random.default_rng(len(tenant))
        names = random.choice([*self.networks], requests).tolist()
        asked = list(zip(names, random.integers(0, 8, requests).tolist(), strict=True))
        futures = [
            runtime.request(name, tenant).arg(self.images[name][index]).submit()
            for name, index in asked
        ]
        for (name, index), future in zip(asked, futures, strict=True):
            np.testing.assert_array_equal(future.result(60), self.expected[name][index])


@pytest.fixture(scope="module")
def served(
    digits_artifact: tf2c.Artifact,
    heldout_images: npt.NDArray[np.float32],
    tmp_path_factory: pytest.TempPathFactory,
) -> Served:
    return Served(digits_artifact, heldout_images, tmp_path_factory.mktemp("served"))


@pytest.mark.parametrize("cards", [1, 3])
def test_tenants_in_threads_of_their_own_get_their_results(served: Served, cards: int) -> None:
    errors: list[BaseException] = []

    def ask(tenant: str) -> None:
        try:
            served.assert_all_right(runtime, 60, tenant)
        except BaseException as error:
            errors.append(error)

    with Runtime(
        served.networks, [DeviceCard(lambda _: Simulator()) for _ in range(cards)], TENANTS
    ) as runtime:
        threads = [threading.Thread(target=ask, args=(tenant,)) for tenant in TENANTS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not errors


def test_an_idle_card_is_used_in_the_callers_thread(served: Served) -> None:
    with Runtime(served.networks, [DeviceCard(lambda _: Simulator())]) as runtime:
        for index, image in enumerate(served.images["digits"]):
            found = runtime.request("digits").arg(image).run()
            np.testing.assert_array_equal(found, served.expected["digits"][index])


@pytest.mark.parametrize("executions", [0, 1, 5])
def test_nothing_is_lost_with_a_card(served: Served, executions: int) -> None:
    with Runtime(
        served.networks, [failing(executions), DeviceCard(lambda _: Simulator())], TENANTS
    ) as runtime:
        served.assert_all_right(runtime, 80, "one")


def test_requests_fail_when_no_card_is_left(served: Served) -> None:
    with Runtime(served.networks, [failing(0)]) as runtime:
        future = runtime.request("digits").arg(served.images["digits"][0]).submit()
        with pytest.raises(DeviceError, match="the card is gone"):
            future.result(60)
        with pytest.raises(DeviceError, match="expected a card that works"):
            runtime.request("digits").arg(served.images["digits"][0]).submit()


def test_what_nobody_knows_is_rejected(served: Served) -> None:
    with Runtime(served.networks, [DeviceCard(lambda _: Simulator())], TENANTS) as runtime:
        image = served.images["digits"][0]
        with pytest.raises(RejectedError, match="no network `nothing`"):
            runtime.request("nothing", "one").arg(image).submit()
        with pytest.raises(RejectedError, match="no tenant `somebody`"):
            runtime.request("digits", "somebody").arg(image).submit()


def test_an_image_that_does_not_fit_is_refused(served: Served) -> None:
    with Runtime(served.networks, [DeviceCard(lambda _: Simulator())]) as runtime:
        wrong = runtime.request("digits").arg(np.zeros((1, 2, 2), np.float32))
        message = r"expected an image \(1, 8, 8\) for network `digits`, got \(1, 2, 2\)"
        with pytest.raises(tf2c.UserError, match=message):
            wrong.submit()
        with pytest.raises(TypeError, match="without `arg`"):
            runtime.request("digits").submit()


def test_a_network_that_does_not_load_is_not_there(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gets the results of the network before it."""
    card = DeviceCard(lambda _: Simulator())
    load = card.load

    def refuse(network: ServedNetwork) -> None:
        if network is served.networks["other"]:
            raise tf2c.UserError("expected another engine")
        load(network)

    monkeypatch.setattr(card, "load", refuse)
    with Runtime(served.networks, [card]) as runtime:
        for _ in range(2):
            good = runtime.request("digits").arg(served.images["digits"][0]).run()
            np.testing.assert_array_equal(good, served.expected["digits"][0])
            for _ in range(2):
                with pytest.raises(tf2c.UserError, match="another engine"):
                    runtime.request("other").arg(served.images["other"][0]).run()


def test_an_image_that_is_none_spoils_no_others(served: Served) -> None:
    """Though they are in one batch."""
    images = served.images["digits"]
    events: list[Event] = []
    cards = [DeviceCard(lambda _: Simulator())]
    with Runtime(served.networks, cards, observer=events.append) as runtime:
        asked = [images[0], *(np.full_like(images[0], np.nan) for _ in range(2)), *images[1:5]]
        futures = [runtime.request("digits").arg(image).submit() for image in asked]
        for place, expected in ((0, 0), (3, 1), (4, 2), (5, 3), (6, 4)):
            found = futures[place].result(60)
            np.testing.assert_array_equal(found, served.expected["digits"][expected])
        for place in (1, 2):
            with pytest.raises(tf2c.UserError, match="finite"):
                futures[place].result(60)
    ended = [each for each in events if isinstance(each, Completed)]
    assert [request.number for each in ended for request in each.failed] == [2, 3]


@pytest.mark.parametrize("error", [DeviceError("gone"), OSError("no process"), ValueError("bug")])
def test_requests_end_whatever_a_restart_does(served: Served, error: Exception) -> None:
    devices = [FailingSimulator(0)]

    def open_device(_: bytes) -> Simulator:
        if not devices:
            raise error
        return devices.pop()

    with Runtime(served.networks, [DeviceCard(open_device)]) as runtime:
        future = runtime.request("digits").arg(served.images["digits"][0]).submit()
        with pytest.raises(DeviceError, match="the card is gone"):
            future.result(60)


def test_a_network_comes_and_goes(served: Served) -> None:
    image = served.images["digits"][0]
    with Runtime(
        {"digits": served.networks["digits"]}, [DeviceCard(lambda _: Simulator())]
    ) as runtime:
        for name in ("digits", "other", "digits"):
            runtime.remove_network("digits")
            with pytest.raises(RejectedError, match="no network `digits`"):
                runtime.request("digits").arg(image).submit()
            runtime.add_network("digits", served.networks[name])
            found = runtime.request("digits").arg(served.images[name][0]).run()
            np.testing.assert_array_equal(found, served.expected[name][0])


def test_what_waits_for_a_network_that_goes_is_told(served: Served) -> None:
    image = served.images["digits"][0]
    with Runtime(served.networks, [DeviceCard(lambda _: Simulator())]) as runtime:
        futures = [runtime.request("digits").arg(image).submit() for _ in range(100)]
        runtime.remove_network("digits")
        outcomes = [future.exception(60) for future in futures]
    assert isinstance(outcomes[-1], RejectedError)
    assert all(each is None or isinstance(each, RejectedError) for each in outcomes)


def test_what_waits_for_a_network_that_is_replaced_is_for_the_new_one(served: Served) -> None:
    images, card = served.images["digits"], HeldCard()
    again = ServedNetwork.read(served.artifact.path)
    with Runtime({"digits": served.networks["digits"]}, [card]) as runtime:
        futures = [runtime.request("digits").arg(images[0]).submit()]
        assert card.begun.wait(60)
        futures += [runtime.request("digits").arg(image).submit() for image in images[1:4]]
        runtime.add_network("digits", again)
        futures += [runtime.request("digits").arg(images[4]).submit()]
        card.may_end.set()
        for future, expected in zip(futures, served.expected["digits"], strict=False):
            np.testing.assert_array_equal(future.result(60), expected)
        assert card.loaded == [served.networks["digits"], again]
        card.may_end.clear()
        card.begun.clear()
        runtime.request("digits").arg(images[0]).submit()
        assert card.begun.wait(60)
        refused = runtime.request("digits").arg(images[0]).submit()
        runtime.add_network("digits", served.networks["other"])  # which takes other images
        with pytest.raises(RejectedError, match="no network `digits` any more"):
            refused.result(60)
        card.may_end.set()
        found = runtime.request("digits").arg(served.images["other"][0]).submit().result(60)
        np.testing.assert_array_equal(found, served.expected["other"][0])


def test_a_callback_that_wants_to_end_the_process_ends_no_card(served: Served) -> None:
    def leave(_: object) -> None:
        raise SystemExit

    image = served.images["digits"][0]
    with Runtime(served.networks, [HeldCard()]) as runtime:
        (seat,) = runtime._seats.values()  # pyright: ignore[reportPrivateUsage]
        card = seat.card
        assert isinstance(card, HeldCard)
        future = runtime.request("digits").arg(image).submit()
        future.add_done_callback(leave)
        card.may_end.set()
        found = runtime.request("digits").arg(image).submit().result(60)
        np.testing.assert_array_equal(found, served.expected["digits"][0])


def test_what_is_late_is_told_though_nothing_else_happens(served: Served) -> None:
    image, card = served.images["digits"][0], HeldCard()
    with Runtime(served.networks, [card]) as runtime:
        first = runtime.request("digits").arg(image).submit()
        assert card.begun.wait(60)
        for seconds in (0.05, 0.02, 0.01):  # the last one is late first
            late = runtime.request("digits", seconds=seconds).arg(image).submit()
        with pytest.raises(LateError):
            late.result(10)
        with pytest.raises(LateError):
            runtime.request("digits", seconds=0.01).arg(image).run()
        card.may_end.set()
        np.testing.assert_array_equal(first.result(60), served.expected["digits"][0])


def test_requests_are_taken_together_or_not_at_all(served: Served) -> None:
    images, card = served.images["digits"], HeldCard()
    with Runtime(served.networks, [card], {"one": Tenant(queue_limit=4)}) as runtime:
        call = runtime.request("digits", "one")
        futures = call.submit_all(images[:1])
        assert card.begun.wait(60)
        futures += call.submit_all(images[1:4])
        with pytest.raises(RejectedError, match="has 3 requests waiting"):
            call.submit_all(images[4:6])
        futures += call.submit_all(images[4:5])
        assert not call.submit_all([])
        card.may_end.set()
        for future, expected in zip(futures, served.expected["digits"], strict=False):
            np.testing.assert_array_equal(future.result(60), expected)
    assert card.images == 5


def test_a_deadline_that_is_never_stops_no_others(served: Served) -> None:
    image, card = served.images["digits"][0], HeldCard()
    with Runtime(served.networks, [card]) as runtime:
        runtime.request("digits").arg(image).submit()
        assert card.begun.wait(60)
        for_ever = runtime.request("digits", seconds=1e11).arg(image).submit()
        for _ in range(2):  # that there is a thread for it when the first is late may be luck
            with pytest.raises(LateError):
                runtime.request("digits", seconds=0.01).arg(image).submit().result(10)
        card.may_end.set()
        np.testing.assert_array_equal(for_ever.result(60), served.expected["digits"][0])


def test_a_caller_that_is_interrupted_gets_no_others_answer(served: Served) -> None:
    """The device has an answer to the batch that nobody waits for any more."""

    class Answering(Simulator):
        interrupts: ClassVar[list[bool]] = [True]
        late: Memories | None = None

        def execute(self, memories: Memories) -> dict[str, int]:
            answer, self.late = self.late, None
            super().execute(memories)
            if self.interrupts and self.interrupts.pop():
                self.late = copy.deepcopy(memories)
                raise KeyboardInterrupt
            if answer is not None:
                memories.output[:] = answer.output
            return {}

    images, events = served.images["digits"], list[Event]()
    cards = [DeviceCard(lambda _: Answering())]
    with Runtime(served.networks, cards, observer=events.append) as runtime:
        with pytest.raises(KeyboardInterrupt):
            runtime.request("digits").arg(images[0]).run()
        found = runtime.request("digits").arg(images[1]).run()
        np.testing.assert_array_equal(found, served.expected["digits"][1])
    assert any(isinstance(each, Restarted) for each in events)


def test_an_observer_that_fails_changes_nothing(served: Served) -> None:
    def fail(event: Event) -> None:
        raise ValueError(event)

    cards = [DeviceCard(lambda _: Simulator())]
    with Runtime(served.networks, cards, TENANTS, observer=fail) as runtime:
        served.assert_all_right(runtime, 20, "one")


def test_a_batch_that_fails_has_no_times_of_another(served: Served) -> None:
    images = served.images["digits"]
    with DeviceCard(lambda _: Simulator()) as card:
        card.load(served.networks["digits"])
        card.run([*images[:1]])
        assert len(card.job_times) == len(served.networks["digits"].layers) + 1
        with pytest.raises(tf2c.UserError):
            card.run([np.full_like(images[0], np.nan)])
        assert not card.job_times
        assert len(results(card, [images[0], np.full_like(images[0], np.nan)])) == 2
        assert not card.job_times


def test_a_card_is_driven_once(served: Served) -> None:
    card = DeviceCard(lambda _: Simulator())
    with card, pytest.raises(tf2c.UserError, match="got one of them twice"):
        Runtime(served.networks, [card, card])
    with pytest.raises(tf2c.UserError, match="at least one card"):
        Runtime(served.networks, [])


@pytest.mark.parametrize("weight", [0, -1, 1.5])
def test_weights_are_whole_and_positive(served: Served, weight: Any) -> None:
    with (
        DeviceCard(lambda _: Simulator()) as card,
        pytest.raises(tf2c.UserError, match="expected a weight of tenant `one`"),
    ):
        Runtime(served.networks, [card], {"one": Tenant(weight)})
