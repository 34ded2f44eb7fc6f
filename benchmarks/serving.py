"""What the wire costs: `tritonclient` over HTTP, gRPC and shared memory, beside `Call.run`.

    python benchmarks/serving.py

The card looks at one number of the image (3 x 224 x 224 FP32, 602 KB), so that all time is the
runtime's, the server's and the client's. The server is a process of its own. One request at a time;
of five rounds the one with the least median counts. Writes results/serving.json.
"""

import asyncio
import multiprocessing
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from orchestration import IMAGE, LookingCard, microseconds
from report import write_results
from rich.console import Console
from rich.table import Table
from tritonclient import grpc as triton_grpc
from tritonclient import http as triton_http
from tritonclient.utils import shared_memory as triton_shared_memory

from tf2c.orchestration.cards import ServedNetwork
from tf2c.orchestration.embedded import Runtime
from tf2c.orchestration.requests import MILLISECOND, Network
from tf2c.program import Program
from tf2c.serving.server import Addresses, Ports, serve
from tf2c.serving.service import Service
from tf2c.serving.tenants import Access

REQUESTS = 500

shared_memory: Any = triton_shared_memory  # has no types


def served() -> dict[str, ServedNetwork]:
    """Return a network of which nothing but shapes is looked at."""
    shapes = SimpleNamespace(
        fold=SimpleNamespace(shape=IMAGE.shape), output=SimpleNamespace(shape=(1,))
    )
    return {"network": ServedNetwork(cast(Program, shapes), b"", Network(image=2 * MILLISECOND))}


def run_server(ports: "Connection[Any, Any]", maps: bool) -> None:
    """Serve until the process is ended."""
    service = Service(served(), [LookingCard()], Access(), maps=maps)
    addresses = Addresses(http_port=0, grpc_port=0)

    def started(found: Ports) -> None:
        ports.send(found)

    asyncio.run(serve(service, addresses, started=started))


def clients(ports: Ports, maps: bool) -> dict[str, dict[str, float]]:
    """Measure both protocols, with tensors in the request and in shared memory."""
    found: dict[str, dict[str, float]] = {}
    images = IMAGE[np.newaxis]
    size = images.nbytes + 8
    region = shared_memory.create_shared_memory_region("region", "/tf2c_benchmark", size)
    of_http: Any = triton_http
    of_grpc: Any = triton_grpc
    modules = (("HTTP", of_http, ports.http), ("gRPC", of_grpc, ports.grpc))
    try:
        shared_memory.set_shared_memory_region(region, [images])
        for name, module, port in modules:
            client: Any = module.InferenceServerClient(f"127.0.0.1:{port}")
            tensor: Any = module.InferInput("input", list(images.shape), "FP32")

            def ask(client: Any = client, tensor: Any = tensor, outputs: Any = None) -> None:
                client.infer("network", [tensor], outputs=outputs)

            tensor.set_data_from_numpy(images)
            if not maps:
                found[name] = microseconds(ask, REQUESTS)
            client.register_system_shared_memory("region", "/tf2c_benchmark", size)
            tensor.set_shared_memory("region", images.nbytes)
            output: Any = module.InferRequestedOutput("output")
            output.set_shared_memory("region", 8, offset=images.nbytes)
            found[f"{name}, shared memory{', mapped' * maps}"] = microseconds(
                lambda ask=ask, output=output: ask(outputs=[output]), REQUESTS
            )
            client.unregister_system_shared_memory("region")
            client.close()
    finally:
        shared_memory.destroy_shared_memory_region(region)
    return found


def over_the_wire(maps: bool) -> dict[str, dict[str, float]]:
    """Measure a server that reads shared memory, or has it mapped."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=run_server, args=(theirs, maps))
    server.start()
    try:
        return clients(ours.recv(), maps)
    finally:
        server.terminate()
        server.join()


def main() -> None:
    """Measure, print, write."""
    found = over_the_wire(maps=False) | over_the_wire(maps=True)
    with Runtime(served(), [LookingCard()]) as runtime:
        found["in process, run"] = microseconds(lambda: runtime.request("network").arg(IMAGE).run())
        found["in process, submit"] = microseconds(
            lambda: runtime.request("network").arg(IMAGE).submit().result(), REQUESTS
        )
    table = Table("microseconds per request", "p50", "p99")
    for name, each in found.items():
        table.add_row(name, f"{each['p50']:.0f}", f"{each['p99']:.0f}")
    Console(width=100).print(table)
    packages = ["numpy", "tritonclient", "aiohttp", "grpcio"]
    figures = {"microseconds_per_request": found}
    write_results("serving", "python benchmarks/serving.py", packages, figures)


if __name__ == "__main__":
    main()
