"""The Open Inference Protocol over gRPC, with the proto that the protocol's clients have."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import grpc
from google.protobuf import json_format
from grpc import aio
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tf2c.serving.errors import RefusedError, told
from tf2c.serving.http import EXTENSIONS
from tf2c.serving.service import Service
from tf2c.serving.shared_memory import Registered
from tf2c.serving.tenants import Caller
from tf2c.serving.tensors import (
    OUTPUT,
    OUTPUT_TYPE,
    VERSION,
    Inference,
    expect_input,
    images_of,
    images_of_numbers,
    invalid,
    region_of,
    scheduling,
)

# What is generated from the proto has no types.
pb: Any = service_pb2
generated: Any = service_pb2_grpc
Context = Any
Message = Any
Server = Any

IDLE_SECONDS = 60
"""Until a connection without calls is closed; clients connect again by themselves."""

LONGEST_SECONDS = 600
"""Until a connection takes no more calls; nothing else bounds a message that comes slowly."""

GRACE_SECONDS = 60
"""For the calls of such a connection."""

MOST_CALLS = 512
"""At a time; further ones are refused."""


def parameters_of(fields: Any) -> dict[str, Any]:
    """Return parameters as JSON would have them."""
    return {
        name: getattr(value, value.WhichOneof("parameter_choice"))
        for name, value in fields.items()
        if value.WhichOneof("parameter_choice") is not None
    }


def parse_inference(request: Message) -> Inference:
    """Take a request apart.

    Raises:
        RefusedError: it is not as the protocol has it.
    """
    if len(request.inputs) != 1:
        raise invalid(f"expected one tensor in `inputs`, got {len(request.inputs)}")
    tensor = request.inputs[0]
    shape = expect_input(tensor.name, tensor.datatype, list(tensor.shape))
    images = region_of(parameters_of(tensor.parameters))
    if images is None and tensor.HasField("contents"):
        images = images_of_numbers(list(tensor.contents.fp32_contents), shape)
    elif images is None:
        if len(request.raw_input_contents) != 1:
            raise invalid("expected the tensor's bytes in `raw_input_contents`")
        images = images_of(request.raw_input_contents[0], shape)
    if len(request.outputs) > 1 or any(each.name != OUTPUT for each in request.outputs):
        raise invalid(f"expected one output `{OUTPUT}`")
    output = region_of(parameters_of(request.outputs[0].parameters)) if request.outputs else None
    priority, seconds = scheduling(parameters_of(request.parameters))
    return Inference(
        request.model_name,
        images,
        shape,
        id=request.id,
        output=output,
        priority=priority,
        seconds=seconds,
    )


class Servicer(generated.GRPCInferenceServiceServicer):
    """What answers each call."""

    def __init__(self, service: Service) -> None:
        """Answer for a service."""
        self._service = service

    def _caller(self, context: Context) -> Caller:
        return self._service.access.caller(_sent(context).get("authorization"))

    async def _answer(
        self, context: Context, answer: Callable[[Caller], Message | Awaitable[Message]]
    ) -> Message:
        """Return an answer, or end the call with a status."""
        try:
            found: Any = answer(self._caller(context))
            return await found if inspect.isawaitable(found) else found
        except Exception as error:
            code, text = _status(error)  # not the error: its traceback holds the request
        await context.abort(code, text)
        raise AssertionError("abort raises")

    async def ServerLive(self, request: Message, context: Context) -> Message:
        """Answer whether the server lives."""
        return pb.ServerLiveResponse(live=True)

    async def ServerReady(self, request: Message, context: Context) -> Message:
        """Answer whether it takes requests."""
        return pb.ServerReadyResponse(ready=self._service.is_ready)

    async def ModelReady(self, request: Message, context: Context) -> Message:
        """Answer whether a network takes requests."""

        def answer(caller: Caller) -> Message:
            try:
                self._service.network(caller, request.name, request.version)
            except RefusedError:
                return pb.ModelReadyResponse(ready=False)
            return pb.ModelReadyResponse(ready=self._service.is_ready)

        return await self._answer(context, answer)

    async def ServerMetadata(self, request: Message, context: Context) -> Message:
        """Answer what the server is."""
        return await self._answer(
            context,
            lambda _: pb.ServerMetadataResponse(
                name="tf2c", version=version("tf2c"), extensions=EXTENSIONS
            ),
        )

    async def ModelMetadata(self, request: Message, context: Context) -> Message:
        """Answer a network's metadata."""
        return await self._answer(
            context,
            lambda caller: pb.ModelMetadataResponse(
                **self._service.metadata(caller, request.name, request.version)
            ),
        )

    async def ModelConfig(self, request: Message, context: Context) -> Message:
        """Answer a network's metadata once more, as Triton's clients ask for it."""

        def answer(caller: Caller) -> Message:
            found = self._service.configuration(caller, request.name, request.version)
            return json_format.ParseDict({"config": found}, pb.ModelConfigResponse())

        return await self._answer(context, answer)

    async def ModelInfer(self, request: Message, context: Context) -> Message:
        """Answer a network's results."""
        return await self._answer(context, lambda caller: self._infer(caller, request, context))

    async def ModelStreamInfer(
        self, requests: AsyncIterator[Message], context: Context
    ) -> AsyncIterator[Message]:
        """Answer results in the order of a stream's requests; errors are answers there."""
        try:
            caller = self._caller(context)
        except RefusedError as error:
            code, text = _status(error)
            await context.abort(code, text)
            return
        async for request in requests:
            try:
                answer = await self._infer(caller, request, context)
                yield pb.ModelStreamInferResponse(infer_response=answer)
            except Exception as error:
                yield pb.ModelStreamInferResponse(
                    error_message=_status(error)[1],
                    infer_response=pb.ModelInferResponse(id=request.id),
                )

    async def _infer(self, caller: Caller, request: Message, context: Context) -> Message:
        network = self._service.network(caller, request.model_name, request.model_version)
        inference = replace(parse_inference(request), sent=_sent(context))
        values = await self._service.infer(caller, inference)
        answer = pb.ModelInferResponse(
            model_name=request.model_name, model_version=VERSION, id=request.id
        )
        tensor = answer.outputs.add(name=OUTPUT, datatype=OUTPUT_TYPE)
        tensor.shape.extend([inference.shape[0], *network.program.output.shape])
        if values is not None:
            answer.raw_output_contents.append(values.astype("<f8").tobytes())
        elif inference.output is not None:
            tensor.parameters["shared_memory_region"].string_param = inference.output.name
            tensor.parameters["shared_memory_offset"].int64_param = inference.output.offset
            tensor.parameters["shared_memory_byte_size"].int64_param = inference.output.size
        return answer

    async def ModelStatistics(self, request: Message, context: Context) -> Message:
        """Answer what the caller has had."""

        def answer(caller: Caller) -> Message:
            found = pb.ModelStatisticsResponse()
            for name in [request.name] if request.name else self._service.names(caller):
                each = self._service.statistics(caller, name)
                stats = found.model_stats.add(
                    name=name,
                    version=VERSION,
                    inference_count=each.succeeded,
                    execution_count=each.succeeded,
                )
                together = each.queue_nanoseconds + each.compute_nanoseconds
                durations = stats.inference_stats
                durations.success.count, durations.success.ns = each.succeeded, together
                durations.fail.count = each.failed + each.rejected
                durations.queue.count, durations.queue.ns = each.succeeded, each.queue_nanoseconds
                durations.compute_infer.count = each.succeeded
                durations.compute_infer.ns = each.compute_nanoseconds
            return found

        return await self._answer(context, answer)

    async def RepositoryIndex(self, request: Message, context: Context) -> Message:
        """Answer what there is."""

        def answer(caller: Caller) -> Message:
            found = pb.RepositoryIndexResponse()
            for each in self._service.index(caller):
                found.models.add(**each)
            return found

        return await self._answer(context, answer)

    async def RepositoryModelLoad(self, request: Message, context: Context) -> Message:
        """Load an artifact."""

        async def answer(caller: Caller) -> Message:
            model, parameters = request.model_name, request.parameters
            await asyncio.to_thread(self._service.load, caller, model, parameters)
            return pb.RepositoryModelLoadResponse()

        return await self._answer(context, answer)

    async def RepositoryModelUnload(self, request: Message, context: Context) -> Message:
        """Unload a network."""

        def answer(caller: Caller) -> Message:
            self._service.unload(caller, request.model_name)
            return pb.RepositoryModelUnloadResponse()

        return await self._answer(context, answer)

    async def SystemSharedMemoryStatus(self, request: Message, context: Context) -> Message:
        """Answer the caller's shared memory."""

        def answer(caller: Caller) -> Message:
            found = pb.SystemSharedMemoryStatusResponse()
            for each in self._service.regions.status(caller.name, request.name):
                region = found.regions[each.name]
                region.name, region.key = each.name, each.key
                region.offset, region.byte_size = each.offset, each.size
            return found

        return await self._answer(context, answer)

    async def SystemSharedMemoryRegister(self, request: Message, context: Context) -> Message:
        """Map shared memory."""

        def answer(caller: Caller) -> Message:
            region = Registered(request.name, request.key, request.offset, request.byte_size)
            self._service.regions.register(caller.name, region)
            return pb.SystemSharedMemoryRegisterResponse()

        return await self._answer(context, answer)

    async def SystemSharedMemoryUnregister(self, request: Message, context: Context) -> Message:
        """Forget shared memory."""

        def answer(caller: Caller) -> Message:
            self._service.regions.unregister(caller.name, request.name)
            return pb.SystemSharedMemoryUnregisterResponse()

        return await self._answer(context, answer)


def _sent(context: Context) -> dict[str, str]:
    return {name.lower(): value for name, value in context.invocation_metadata() or ()}


def _status(error: Exception) -> tuple[grpc.StatusCode, str]:
    """Return how a call ends because of an error."""
    found = told(error)
    return getattr(grpc.StatusCode, found.refusal.code), str(found)


def new_server(service: Service, largest_request: int) -> Server:
    """Return a server that has no port yet.

    Args:
        service: what is served.
        largest_request: bytes; larger ones are refused.
    """
    server: Server = aio.server(
        options=[
            ("grpc.max_receive_message_length", largest_request),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
            ("grpc.max_connection_idle_ms", IDLE_SECONDS * 1000),
            ("grpc.max_connection_age_ms", LONGEST_SECONDS * 1000),
            ("grpc.max_connection_age_grace_ms", GRACE_SECONDS * 1000),
        ],
        maximum_concurrent_rpcs=MOST_CALLS,
    )
    generated.add_GRPCInferenceServiceServicer_to_server(Servicer(service), server)
    return server
