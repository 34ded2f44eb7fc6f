"""Tenants: keys, limits, and what they cannot see of each other."""

import asyncio
import contextlib
import hashlib
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException
from unit.held_card import HeldCard
from unit.serving.conftest import CLIENTS, KEYS, Digits, Server, headers, shared_memory

from tf2c.errors import UserError
from tf2c.orchestration.cards import DeviceCard
from tf2c.orchestration.requests import Tenant
from tf2c.runtime.simulator import Simulator
from tf2c.serving import tenants
from tf2c.serving.errors import Refusal, RefusedError
from tf2c.serving.service import Service
from tf2c.serving.tenants import Access, read_access
from tf2c.serving.tensors import Inference

DIGEST = "0" * 64


class Caller:
    """A client with somebody's key."""

    def __init__(self, server: Server, protocol: str, name: str) -> None:
        self.module = CLIENTS[protocol]
        self.client: Any = self.module.InferenceServerClient(server.address(protocol))
        self.headers = headers(name)

    def infer(self, digits: Digits, model: str, count: int = 1) -> Any:
        images = digits.images[:count]
        tensor = self.module.InferInput("input", list(images.shape), "FP32")
        tensor.set_data_from_numpy(images)
        return self.client.infer(model, [tensor], headers=self.headers).as_numpy("output")

    def statistics(self, model: str) -> int:
        options = {} if self.module is CLIENTS["http"] else {"as_json": True}
        found = self.client.get_inference_statistics(model, headers=self.headers, **options)
        return int(found["model_stats"][0].get("inference_count", 0))

    def index(self) -> dict[str, str]:
        options = {} if self.module is CLIENTS["http"] else {"as_json": True}
        found = self.client.get_model_repository_index(headers=self.headers, **options)
        models: list[dict[str, str]] = found if self.module is CLIENTS["http"] else found["models"]
        return {each["name"]: each["state"] for each in models}


protocols = pytest.mark.parametrize("protocol", [*CLIENTS])


@protocols
@pytest.mark.parametrize("sent", [{}, {"authorization": "Bearer wrong"}, {"authorization": "x"}])
def test_nobody_without_a_key(
    keyed_server: Server, digits: Digits, protocol: str, sent: dict[str, str]
) -> None:
    caller = Caller(keyed_server, protocol, "alice")
    caller.headers = {**sent}
    with pytest.raises(InferenceServerException, match="expected a header") as error:
        caller.infer(digits, "digits")
    assert error.value.status() in ("401", "StatusCode.UNAUTHENTICATED")
    with pytest.raises(InferenceServerException, match="expected a header"):
        caller.client.get_model_metadata("digits", headers={**sent})
    # Whether it lives, anybody may know.
    assert caller.client.is_server_live()


@protocols
def test_a_tenant_sees_what_it_may_use(keyed_server: Server, digits: Digits, protocol: str) -> None:
    alice, bob = (Caller(keyed_server, protocol, name) for name in ("alice", "bob"))
    np.testing.assert_array_equal(alice.infer(digits, "secret"), digits.expected[:1])
    np.testing.assert_array_equal(bob.infer(digits, "digits"), digits.expected[:1])
    with pytest.raises(InferenceServerException) as hidden:
        bob.infer(digits, "secret")
    with pytest.raises(InferenceServerException) as missing:
        bob.infer(digits, "nothing")
    # What is not there for somebody is not there.
    assert str(hidden.value).replace("secret", "nothing") == str(missing.value)
    assert (bob.index(), alice.index()) == (
        {"digits": "READY"},
        {"digits": "READY", "secret": "READY"},
    )


@protocols
def test_statistics_are_ones_own(keyed_server: Server, digits: Digits, protocol: str) -> None:
    alice, bob, operator = (
        Caller(keyed_server, protocol, name) for name in ("alice", "bob", "operator")
    )
    before = alice.statistics("digits"), bob.statistics("digits"), operator.statistics("digits")
    alice.infer(digits, "digits", 3)
    bob.infer(digits, "digits", 2)
    after = alice.statistics("digits"), bob.statistics("digits"), operator.statistics("digits")
    assert [y - x for x, y in zip(before, after, strict=True)] == [3, 2, 5]


@protocols
def test_an_allowance_is_not_exceeded(keyed_server: Server, digits: Digits, protocol: str) -> None:
    bob = Caller(keyed_server, protocol, "bob")
    bob.infer(digits, "digits", 8)
    with pytest.raises(InferenceServerException, match="8 images per second") as error:
        bob.infer(digits, "digits", 8)
    assert error.value.status() in ("429", "StatusCode.RESOURCE_EXHAUSTED")
    Caller(keyed_server, protocol, "alice").infer(digits, "digits", 8)


def test_a_request_is_taken_whole_or_not_at_all(digits: Digits) -> None:
    card = HeldCard()
    caller = tenants.Caller("alice", Tenant(queue_limit=4), images_per_second=1000)
    with contextlib.closing(
        Service({"digits": digits.network}, [card], Access({"": caller}))
    ) as service:

        async def infer(count: int) -> Any:
            images = digits.images[:count]
            return await service.infer(caller, Inference("digits", images, images.shape))

        async def ask() -> None:
            first = asyncio.create_task(infer(1))
            assert await asyncio.to_thread(card.begun.wait, 60)
            others = asyncio.create_task(infer(3))
            await asyncio.sleep(0)
            allowance = caller._credit  # pyright: ignore[reportPrivateUsage]
            with pytest.raises(RefusedError, match="3 requests waiting") as many:
                await infer(2)
            with pytest.raises(RefusedError, match="at most the 4 images") as never:
                await infer(5)
            assert (many.value.refusal, never.value.refusal) == (Refusal.TOO_MANY, Refusal.INVALID)
            # What was refused has cost nothing.
            assert caller._credit >= allowance  # pyright: ignore[reportPrivateUsage]
            card.may_end.set()
            np.testing.assert_array_equal(await first, digits.expected[:1])
            np.testing.assert_array_equal(await others, digits.expected[:3])

        asyncio.run(ask())
        assert service.watch.statistics["digits", "alice"].rejected == 2


def test_what_is_beyond_an_allowance_is_counted(digits: Digits) -> None:
    caller = tenants.Caller("alice", images_per_second=4)
    cards = [DeviceCard(lambda _: Simulator())]
    with contextlib.closing(Service({"digits": digits.network}, cards, Access({"": caller}))) as it:
        images = digits.images[:3]
        asyncio.run(it.infer(caller, Inference("digits", images, images.shape)))
        with pytest.raises(RefusedError, match="4 images per second"):
            asyncio.run(it.infer(caller, Inference("digits", images, images.shape)))
        assert it.watch.statistics["digits", "alice"].rejected == 3


def test_what_an_allowance_never_has_is_not_to_be_asked_for_again() -> None:
    with pytest.raises(RefusedError, match="expected at most 4 images") as error:
        tenants.Caller("alice", images_per_second=4).spend(5)
    assert error.value.refusal is Refusal.INVALID


def test_what_is_too_late_costs_nothing(digits: Digits) -> None:
    card = HeldCard()
    caller = tenants.Caller("alice", images_per_second=8)
    with contextlib.closing(
        Service({"digits": digits.network}, [card], Access({"": caller}))
    ) as service:
        service.runtime.request("digits", "alice").arg(digits.images[0]).submit()
        assert card.begun.wait(60)
        images = digits.images[:8]
        asked = Inference("digits", images, images.shape, seconds=0.05)
        try:
            for _ in range(2):
                with pytest.raises(RefusedError, match="deadline has passed") as error:
                    asyncio.run(service.infer(caller, asked))
                assert error.value.refusal is Refusal.LATE
        finally:
            card.may_end.set()


def test_what_was_served_from_the_beginning_may_be_loaded_again(digits: Digits) -> None:
    operator = Access().caller(None)
    cards = [DeviceCard(lambda _: Simulator())]
    sources = {"digits": digits.artifact.path}
    with contextlib.closing(
        Service({"digits": digits.network}, cards, Access(), sources=sources)
    ) as service:
        service.unload(operator, "digits")
        assert [each["state"] for each in service.index(operator)] == ["UNAVAILABLE"]
        service.load(operator, "digits")
        assert [each["state"] for each in service.index(operator)] == ["READY"]
        images = digits.images[:2]
        found = asyncio.run(service.infer(operator, Inference("digits", images, images.shape)))
        np.testing.assert_array_equal(found, digits.expected[:2])


def test_the_repository_goes_before_what_was_served(digits: Digits, repository: Path) -> None:
    """So that an artifact put there instead of the one from the beginning is found."""
    operator, sources = Access().caller(None), {"damaged": digits.artifact.path}
    cards = [DeviceCard(lambda _: Simulator())]
    with (
        contextlib.closing(
            Service({"damaged": digits.network}, cards, Access(), repository, sources=sources)
        ) as service,
        pytest.raises(RefusedError, match="does not match its checksum"),
    ):
        service.load(operator, "damaged")


@protocols
def test_networks_are_loaded_as_they_are(keyed_server: Server, protocol: str) -> None:
    operator = Caller(keyed_server, protocol, "operator")
    with pytest.raises(InferenceServerException, match=r"expected no parameters.*got `config`"):
        operator.client.load_model("another", headers=operator.headers, config='{"a": 1}')
    operator.client.load_model("another", headers=operator.headers)


@protocols
def test_regions_belong_to_tenants(keyed_server: Server, protocol: str) -> None:
    alice, bob = (Caller(keyed_server, protocol, name) for name in ("alice", "bob"))
    key = f"/alice.own{os.getpid()}"  # tests run side by side
    handle = shared_memory.create_shared_memory_region("own", key, 256)
    try:
        with pytest.raises(InferenceServerException, match=r"begins with `bob\.`"):
            bob.client.register_system_shared_memory("own", key, 256, headers=bob.headers)
        alice.client.register_system_shared_memory("own", key, 256, headers=alice.headers)
        tensor = bob.module.InferInput("input", [1, 1, 4, 4], "FP32")
        tensor.set_shared_memory("own", 256)
        tensor_shape = [1, 1, 8, 8]
        tensor.set_shape(tensor_shape)
        with pytest.raises(InferenceServerException, match="there is no region `own`"):
            bob.client.infer("digits", [tensor], headers=bob.headers)
        bob.client.unregister_system_shared_memory("own", headers=bob.headers)
        options = {} if protocol == "http" else {"as_json": True}
        status = alice.client.get_system_shared_memory_status(headers=alice.headers, **options)
        assert "alice.own" in str(status)
    finally:
        shared_memory.destroy_shared_memory_region(handle)


@protocols
def test_only_operators_load_and_unload(
    keyed_server: Server, digits: Digits, protocol: str
) -> None:
    alice, operator = (Caller(keyed_server, protocol, name) for name in ("alice", "operator"))
    with pytest.raises(InferenceServerException, match="only the operator") as error:
        alice.client.load_model("another", headers=alice.headers)
    assert error.value.status() in ("403", "StatusCode.PERMISSION_DENIED")
    assert operator.index()["another"] == "UNAVAILABLE"
    for _ in range(2):  # again, too
        operator.client.load_model("another", headers=operator.headers)
        np.testing.assert_array_equal(alice.infer(digits, "another", 4), digits.expected[:4])
    operator.client.unload_model("another", headers=operator.headers)
    with pytest.raises(InferenceServerException, match="there is no model `another`"):
        alice.infer(digits, "another")
    with pytest.raises(InferenceServerException, match="does not match its checksum"):
        operator.client.load_model("damaged", headers=operator.headers)
    for name in ("missing", "..", "../repository/another", "n" * 300):
        with pytest.raises(InferenceServerException):
            operator.client.load_model(name, headers=operator.headers)


def test_only_operators_see_metrics(keyed_server: Server, digits: Digits) -> None:
    import urllib.error
    import urllib.request

    def get(path: str, name: str) -> str:
        url = f"http://{keyed_server.address('http')}{path}"
        request = urllib.request.Request(url, headers=headers(name))
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    Caller(keyed_server, "http", "alice").infer(digits, "digits", 3)
    for path in ("/metrics", "/status"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            get(path, "alice")
    metrics = get("/metrics", "operator")
    found = re.search(
        r'tf2c_images_total\{network="digits",outcome="succeeded",tenant="alice"\} (\d+)', metrics
    )
    assert found is not None
    assert int(found[1]) >= 3
    assert 'tf2c_latency_seconds_bucket{le="+Inf",network="digits",tenant="alice"}' in metrics
    assert '"tenants": {"alice": {"weight": 3' in get("/status", "operator")


GOOD = f"""
operator_key_sha256 = "{"f" * 64}"
[tenants.alice]
key_sha256 = "{"a" * 64}"
weight = 3
queue_limit = 10
images_per_second = 100
networks = ["digits"]
[tenants.bob]
key_sha256 = "{"b" * 64}"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "tenants.toml"
    path.write_text(text)
    return path


def test_a_file_of_tenants(tmp_path: Path) -> None:
    access = read_access(write(tmp_path, GOOD))
    assert not access.is_open
    assert {name: tuple(share) for name, share in access.shares.items()} == {
        "alice": (3, 10),
        "bob": (1, 1024),
        "operator": (1, 1024),
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[tenants.bob]", "[tenant.bob]", "tables `[tenants.NAME]`, got `tenant`"),
        ("weight = 3", "weight = 0", "tenant `alice`: expected `weight` to be a whole number >= 1"),
        ("weight = 3", "weight = true", "expected `weight` to be a whole number"),
        ("weight = 3", 'weight = "3"', 'expected `weight` to be a whole number >= 1, got `"3"`'),
        ("weight = 3", "wait = 3", "expected one of images_per_second"),
        ("a" * 64, "a" * 63, "tenant `alice`: expected `key_sha256` to be 64 hexadecimal digits"),
        (
            "\nkey_sha256",
            "\n# ",
            "expected `key_sha256` to be 64 hexadecimal digits, got no",
        ),
        ("a" * 64, "b" * 64, "tenants `alice` and `bob` have one key"),
        ("f" * 64, "b" * 64, "tenant `bob` has the operator's key"),
        ('["digits"]', '"digits"', "expected `networks` to be a list of names"),
        ("tenants.bob", "tenants.operator", "expected a name of letters"),
        ("tenants.bob", 'tenants."b b"', "expected a name of letters"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(UserError, match=re.escape(message)):
        read_access(write(tmp_path, GOOD.replace(old, new, 1)))


def test_networks_of_tenants_that_are_nowhere(
    digits: Digits, tmp_path: Path, repository: Path
) -> None:
    """A name that somebody has misspelled, beside one to be loaded from the repository."""
    names = '["digits", "another", "digit"]'
    access = read_access(write(tmp_path, GOOD.replace('["digits"]', names)))
    cards = [DeviceCard(lambda _: Simulator())]
    with contextlib.closing(Service({"digits": digits.network}, cards, access)) as service:
        assert service.missing_networks == ["another", "digit"]
    with contextlib.closing(
        Service({"digits": digits.network}, cards, access, repository)
    ) as service:
        assert service.missing_networks == ["digit"]
    assert not Access().networks


def test_keys_are_compared_whole() -> None:
    access = Access({})
    for sent in (None, "", "Bearer", "Bearer ", "Bearer \udcff", f"Bearer {KEYS['alice']}"):
        with pytest.raises(RefusedError) as error:
            access.caller(sent)
        assert error.value.refusal is Refusal.UNAUTHENTICATED


def test_keys_in_place_of_their_digests_are_not_shown(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="got something else") as error:
        read_access(write(tmp_path, GOOD.replace("a" * 64, "the key itself", 1)))
    assert "itself" not in str(error.value)


def test_digests_may_have_capitals(tmp_path: Path) -> None:
    key = KEYS["alice"]
    digest = hashlib.sha256(key.encode()).hexdigest().upper()
    access = read_access(write(tmp_path, GOOD.replace("a" * 64, digest, 1)))
    assert access.caller(f"Bearer {key}").name == "alice"
