"""The real `tritonclient`, over HTTP and gRPC, gets bit-exact results and proper refusals."""

import gzip
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import Queue
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tritonclient.utils import InferenceServerException
from unit.held_card import HeldCard
from unit.serving.conftest import (
    CLIENTS,
    LARGEST_REQUEST,
    Digits,
    Server,
    keep,
    listening,
    shared_memory,
)

from tf2c.serving.errors import RefusedError
from tf2c.serving.service import Service
from tf2c.serving.shared_memory import Regions, Registered
from tf2c.serving.tenants import Access
from tf2c.serving.tensors import Region

Images = npt.NDArray[Any]

KEY = f"/tf2c_test_{os.getpid()}"
"""Of shared memory: tests run side by side."""


class Client:
    """A client of either protocol."""

    def __init__(self, module: ModuleType, address: str) -> None:
        self.module = module
        self.client: Any = module.InferenceServerClient(address)

    def input(self, images: Images, name: str = "input", datatype: str = "FP32") -> Any:
        found = self.module.InferInput(name, list(images.shape), datatype)
        found.set_data_from_numpy(images)
        return found

    def infer(self, images: Images, model: str = "digits", **options: Any) -> Images:
        return self.client.infer(model, [self.input(images)], **options).as_numpy("output")


@pytest.fixture(params=[*CLIENTS])
def client(request: pytest.FixtureRequest, open_server: Server) -> Iterator[Client]:
    found = Client(CLIENTS[request.param], open_server.address(request.param))
    yield found
    found.client.close()


def test_servers_and_models_say_what_they_are(client: Client) -> None:
    assert client.client.is_server_live()
    assert client.client.is_server_ready()
    assert client.client.is_model_ready("digits")
    assert client.client.is_model_ready("digits", "1")
    assert not client.client.is_model_ready("nothing")
    options = {} if client.module is CLIENTS["http"] else {"as_json": True}
    server = client.client.get_server_metadata(**options)
    assert server["name"] == "tf2c"
    assert "system_shared_memory" in server["extensions"]
    model = client.client.get_model_metadata("digits", **options)
    (tensor,) = model["inputs"]
    assert (tensor["name"], tensor["datatype"]) == ("input", "FP32")
    assert [int(each) for each in tensor["shape"]] == [-1, 1, 8, 8]
    (tensor,) = model["outputs"]
    assert (tensor["name"], tensor["datatype"]) == ("output", "FP64")
    assert [int(each) for each in tensor["shape"]] == [-1, 10]


def test_models_have_a_configuration(client: Client) -> None:
    options = {} if client.module is CLIENTS["http"] else {"as_json": True}
    found = client.client.get_model_config("digits", **options)
    found = found.get("config", found)
    assert (found["name"], int(found["max_batch_size"])) == ("digits", 64)
    (tensor,) = found["input"]
    assert (tensor["name"], tensor["data_type"]) == ("input", "TYPE_FP32")
    assert [int(each) for each in tensor["dims"]] == [1, 8, 8]
    (tensor,) = found["output"]
    assert (tensor["name"], tensor["data_type"]) == ("output", "TYPE_FP64")
    assert [int(each) for each in tensor["dims"]] == [10]


@pytest.mark.parametrize("batch", [1, 8])
def test_results_are_those_of_the_simulator(client: Client, digits: Digits, batch: int) -> None:
    found = client.infer(digits.images[:batch])
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, digits.expected[:batch])


@pytest.mark.parametrize("binary", [False, True])
def test_http_answers_in_bytes_or_in_numbers(
    open_server: Server, digits: Digits, binary: bool
) -> None:
    client = Client(CLIENTS["http"], open_server.address("http"))
    output = CLIENTS["http"].InferRequestedOutput("output", binary_data=binary)
    found = client.infer(digits.images, outputs=[output], request_id="17")
    np.testing.assert_array_equal(found, digits.expected)
    tensor = client.input(digits.images)
    tensor.set_data_from_numpy(digits.images, binary_data=binary)
    answer = client.client.infer("digits", [tensor], request_id="17")
    np.testing.assert_array_equal(answer.as_numpy("output"), digits.expected)
    assert answer.get_response()["id"] == "17"


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_packed_requests_are_unpacked(open_server: Server, digits: Digits, algorithm: str) -> None:
    client = Client(CLIENTS["http"], open_server.address("http"))
    found = client.infer(digits.images, request_compression_algorithm=algorithm)
    np.testing.assert_array_equal(found, digits.expected)


def test_many_at_once(client: Client, digits: Digits) -> None:
    if client.module is CLIENTS["http"]:
        asked = [
            client.client.async_infer("digits", [client.input(digits.images[i : i + 1])])
            for i in range(8)
        ]
        found = [each.get_result().as_numpy("output")[0] for each in asked]
    else:
        answers: Queue[Any] = Queue()
        for index in range(8):
            client.client.async_infer(
                "digits",
                [client.input(digits.images[index : index + 1])],
                partial(keep, answers, index),
            )
        together = sorted((answers.get(timeout=60) for _ in range(8)), key=lambda each: each[0])
        assert not any(error for _, _, error in together)
        found = [result.as_numpy("output")[0] for _, result, _ in together]
    np.testing.assert_array_equal(np.stack(found), digits.expected)


def test_a_stream_answers_in_order(open_server: Server, digits: Digits) -> None:
    client = Client(CLIENTS["grpc"], open_server.address("grpc"))
    answers: Queue[Any] = Queue()
    client.client.start_stream(partial(keep, answers, None))
    for index in range(8):
        image = digits.images[index : index + 1]
        client.client.async_stream_infer("digits", [client.input(image)], request_id=str(index))
    client.client.async_stream_infer("nothing", [client.input(digits.images)])
    client.client.async_stream_infer("digits", [client.input(digits.images)])
    for index in range(8):
        _, result, error = answers.get(timeout=60)
        assert error is None
        assert result.get_response().id == str(index)
        np.testing.assert_array_equal(result.as_numpy("output")[0], digits.expected[index])
    *_, error = answers.get(timeout=60)
    assert "there is no model `nothing`" in str(error)
    _, result, error = answers.get(timeout=60)
    np.testing.assert_array_equal(result.as_numpy("output"), digits.expected)
    client.client.stop_stream()


WRONG: dict[str, tuple[str, str, str]] = {
    "model": ("404", "StatusCode.NOT_FOUND", "there is no model `nothing`"),
    "version": ("404", "StatusCode.NOT_FOUND", "there is no model `digits` version `7`"),
    "shape": ("400", "StatusCode.INVALID_ARGUMENT", "expected `input` of shape"),
    "rank": ("400", "StatusCode.INVALID_ARGUMENT", "expected `input` of shape N, C, H, W"),
    "name": ("400", "StatusCode.INVALID_ARGUMENT", "expected one input `input`, got `other`"),
    "datatype": ("400", "StatusCode.INVALID_ARGUMENT", "of datatype FP32, got `INT8`"),
    "two": ("400", "StatusCode.INVALID_ARGUMENT", "expected one tensor in `inputs`"),
    "nan": ("400", "StatusCode.INVALID_ARGUMENT", "expected finite numbers"),
    "batch": ("400", "StatusCode.INVALID_ARGUMENT", "expected at most 64 images, got 65"),
    "output": ("400", "StatusCode.INVALID_ARGUMENT", "expected one output `output`"),
}


@pytest.mark.parametrize("what", [*WRONG])
def test_what_is_wrong_is_refused(client: Client, digits: Digits, what: str) -> None:
    images = digits.images
    model, inputs, options = "digits", [client.input(images)], dict[str, Any]()
    match what:
        case "model":
            model = "nothing"
        case "version":
            options["model_version"] = "7"
        case "shape":
            inputs = [client.input(images[:, :, :4])]
        case "rank":
            inputs = [client.input(images[0])]
        case "name":
            inputs = [client.input(images, name="other")]
        case "datatype":
            inputs = [client.input(images.astype(np.int8), datatype="INT8")]
        case "two":
            inputs *= 2
        case "nan":
            inputs = [client.input(np.full_like(images, np.nan))]
        case "batch":
            inputs = [client.input(np.zeros((65, 1, 8, 8), np.float32))]
        case _:
            options["outputs"] = [client.module.InferRequestedOutput("other")]
    with pytest.raises(InferenceServerException) as error:
        client.client.infer(model, inputs, **options)
    status, code, message = WRONG[what]
    assert error.value.status() == (status if client.module is CLIENTS["http"] else code)
    assert message in error.value.message()


def test_what_is_too_large_is_refused(client: Client) -> None:
    images = np.zeros((LARGEST_REQUEST // 256 + 1, 1, 8, 8), np.float32)
    with pytest.raises(InferenceServerException) as error:
        client.infer(images)
    expected = {"http": "413", "grpc": "StatusCode.RESOURCE_EXHAUSTED"}
    assert error.value.status() in expected.values()
    # The next one is served.
    assert client.client.is_server_ready()


def posted(server: Server, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    url = f"http://{server.address('http')}/v2/models/digits/infer"
    request = urllib.request.Request(
        url, body, {k.replace("_", "-"): v for k, v in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_a_request_that_grows_when_unpacked_is_refused(open_server: Server) -> None:
    packed = gzip.compress(bytes(64 * LARGEST_REQUEST))
    assert len(packed) < LARGEST_REQUEST
    status, answer = posted(open_server, packed, Content_Encoding="gzip")
    assert status in (400, 413)
    assert "error" in answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[1, 2]",
        b"{}",
        b'{"inputs": 3}',
        b'{"inputs": [{"name": "input", "datatype": "FP32", "shape": "large"}]}',
        b'{"inputs": [{"name": "input", "datatype": "FP32", "shape": [1, 1, 8, 8]}]}',
        b'{"inputs": [{"name": "input", "datatype": "FP32", "shape": [1,1,8,8], "data": ["a"]}]}',
        b'{"inputs": [{"name": "input", "datatype": "FP32", "shape": [1,1,8,8], "data": [1]}]}',
        b'{"inputs": [{"name": "input", "datatype": "FP32", "shape": [1,1,8,8], "data": {}}]}',
        b'{"inputs": [{"name": "input", "datatype": "FP32", "shape": [true,1,8,8], "data": [1]}]}',
        b"[" * 100_000,
    ],
)
def test_malformed_requests_are_refused(open_server: Server, body: bytes) -> None:
    status, answer = posted(open_server, body)
    assert status == 400
    assert set(answer) == {"error"}


@pytest.mark.parametrize("length", ["-1", "1000000", "x", "9" * 5000])
def test_a_header_of_another_length_is_refused(open_server: Server, length: str) -> None:
    status, _ = posted(open_server, b"{}", Inference_Header_Content_Length=length)
    assert status == 400


def test_a_deadline_that_cannot_be_met_is_refused(client: Client, digits: Digits) -> None:
    with pytest.raises(InferenceServerException, match="deadline"):
        client.infer(digits.images[:1], timeout=1)


def test_tensors_in_shared_memory(client: Client, digits: Digits) -> None:
    inputs, outputs = digits.images, digits.expected
    size = inputs.nbytes + outputs.nbytes
    handle = shared_memory.create_shared_memory_region("region", f"{KEY}_region", size)
    try:
        shared_memory.set_shared_memory_region(handle, [inputs])
        client.client.register_system_shared_memory("region", f"{KEY}_region", size)
        tensor = client.module.InferInput("input", list(inputs.shape), "FP32")
        tensor.set_shared_memory("region", inputs.nbytes)
        output = client.module.InferRequestedOutput("output")
        output.set_shared_memory("region", outputs.nbytes, offset=inputs.nbytes)
        client.client.infer("digits", [tensor], outputs=[output])
        found = shared_memory.get_contents_as_numpy(
            handle, np.float64, list(outputs.shape), offset=inputs.nbytes
        )
        np.testing.assert_array_equal(found, outputs)
        options = {} if client.module is CLIENTS["http"] else {"as_json": True}
        status = client.client.get_system_shared_memory_status(**options)
        assert "region" in json.dumps(status)
        output.set_shared_memory("region", outputs.nbytes, offset=inputs.nbytes + 8)
        with pytest.raises(InferenceServerException, match="within the"):
            client.client.infer("digits", [tensor], outputs=[output])
        output.set_shared_memory("region", outputs.nbytes - 8, offset=inputs.nbytes)
        with pytest.raises(InferenceServerException, match="expected 640 bytes for `output`"):
            client.client.infer("digits", [tensor], outputs=[output])
        client.client.unregister_system_shared_memory("region")
        with pytest.raises(InferenceServerException, match="there is no region"):
            client.client.infer("digits", [tensor])
    finally:
        shared_memory.destroy_shared_memory_region(handle)


@pytest.mark.parametrize("maps", [False, True])
def test_memory_is_copied_unless_clients_are_trusted(digits: Digits, maps: bool) -> None:
    """What a client writes after its request counts where its memory is mapped."""
    card = HeldCard()
    first, second = digits.images[:1], digits.images[1:2]
    assert not np.array_equal(digits.expected[0], digits.expected[1])
    handle = shared_memory.create_shared_memory_region("region", f"{KEY}_maps", 8 + first.nbytes)
    service = Service({"digits": digits.network}, [card], Access(), maps=maps)
    try:
        with listening(service) as server, ThreadPoolExecutor(1) as thread:
            shared_memory.set_shared_memory_region(handle, [first], offset=8)
            client: Any = CLIENTS["grpc"].InferenceServerClient(server.address("grpc"))
            client.register_system_shared_memory("region", f"{KEY}_maps", first.nbytes, offset=8)
            tensor = CLIENTS["grpc"].InferInput("input", list(first.shape), "FP32")
            tensor.set_shared_memory("region", first.nbytes)
            asked = thread.submit(client.infer, "digits", [tensor])
            assert card.begun.wait(60)
            shared_memory.set_shared_memory_region(handle, [second], offset=8)
            client.unregister_system_shared_memory("region")
            card.may_end.set()
            found = asked.result(60).as_numpy("output")
            client.close()
    finally:
        card.may_end.set()
        shared_memory.destroy_shared_memory_region(handle)
    np.testing.assert_array_equal(found, digits.expected[[1 if maps else 0]])


def test_mapped_memory_is_a_part_of_a_file_that_nobody_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = Path("/dev/shm", f"{KEY}_mapped".removeprefix("/"))
    path.write_bytes(bytes(range(256)) * 64)
    regions = Regions(is_open=True, maps=True)
    try:
        regions.register("me", Registered("region", f"{KEY}_mapped", 5001, 300))
        found = regions.read("me", Region("region", 7, 100))
        assert bytes(found) == path.read_bytes()[5008:5108]
        assert memoryview(found).readonly

        def fail(*_: object, **__: object) -> None:
            raise OSError(12, "Cannot allocate memory")

        monkeypatch.setattr("mmap.mmap", fail)
        files = len(os.listdir("/proc/self/fd"))
        with pytest.raises(RefusedError, match="expected memory that can be mapped"):
            regions.register("me", Registered("other", f"{KEY}_mapped", 0, 100))
        assert len(os.listdir("/proc/self/fd")) == files
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("key", "size", "message"),
    [
        (f"{KEY}_missing", 8, "No such file"),
        ("/../etc/passwd", 8, "expected a key"),
        (f"{KEY}_small", 1 << 20, "got fewer"),
        (f"{KEY}_small", 0, "expected 1 to"),
    ],
    ids=["missing", "outside", "larger", "empty"],
)
def test_shared_memory_that_cannot_be_mapped(
    client: Client, key: str, size: int, message: str
) -> None:
    handle = shared_memory.create_shared_memory_region("small", f"{KEY}_small", 64)
    try:
        with pytest.raises(InferenceServerException, match=message):
            client.client.register_system_shared_memory("region", key, size)
    finally:
        shared_memory.destroy_shared_memory_region(handle)


def test_memory_that_a_client_shortens_is_refused(client: Client, digits: Digits) -> None:
    """The server lives."""
    handle = shared_memory.create_shared_memory_region("region", f"{KEY}_short", 4096)
    try:
        client.client.register_system_shared_memory("short", f"{KEY}_short", 4096)
        os.truncate(f"/dev/shm{KEY}_short", 0)
        tensor = client.module.InferInput("input", [8, 1, 8, 8], "FP32")
        tensor.set_shared_memory("short", 2048)
        with pytest.raises(InferenceServerException, match="expected 2048 bytes in `short`, got 0"):
            client.client.infer("digits", [tensor])
        output = client.module.InferRequestedOutput("output")
        output.set_shared_memory("short", 640)
        with pytest.raises(InferenceServerException, match="expected 640 bytes for `output`"):
            client.client.infer("digits", [client.input(digits.images)], outputs=[output])
        client.client.unregister_system_shared_memory("short")
    finally:
        shared_memory.destroy_shared_memory_region(handle)
    np.testing.assert_array_equal(client.infer(digits.images), digits.expected)


def test_what_only_looks_packed_is_refused(open_server: Server) -> None:
    status, _ = posted(open_server, b"not packed", Content_Encoding="gzip")
    assert status == 400
