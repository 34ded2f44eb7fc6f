"""`tf2c serve`."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tf2c.cli.options import device_options
from tf2c.cli.output import print_json, print_note
from tf2c.errors import DeviceError, UserError

if TYPE_CHECKING:
    from tf2c.serving.service import Service
    from tf2c.serving.tenants import Access
    from tf2c.serving.tracing import Tracing


@click.command("serve")
@click.argument("networks", type=Path, nargs=-1)
@device_options
@click.option(
    "--cards",
    type=click.IntRange(1),
    help="How many of them; by default one, or all that a Ray cluster has.",
)
@click.option("--ray", metavar="ADDRESS", help="Cards in a Ray cluster: auto, HOST:PORT, local.")
@click.option("--repository", type=Path, help="A folder of artifacts that operators may load.")
@click.option("--tenants", type=Path, help="A TOML file of tenants; without, everybody may ask.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--http-port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--grpc-port", default=8001, show_default=True, type=click.IntRange(0, 65535))
@click.option("--tls-certificate", type=Path, help="PEM, with its chain.")
@click.option("--tls-key", type=Path, help="PEM.")
@click.option(
    "--largest-request",
    default=64,
    show_default=True,
    type=click.IntRange(1, 1024),
    help="MiB; larger ones are refused.",
)
@click.option(
    "--map-shared-memory",
    is_flag=True,
    help="Do not copy images in shared memory: a client that shortens it ends the server.",
)
@click.option("--trace-to", metavar="URL", help="Collector of OTLP over HTTP: http://HOST:4318.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout when it listens.")
def serve_command(
    networks: tuple[Path, ...],
    device: str,
    cards: int | None,
    ray: str | None,
    aocx: Path | None,
    repository: Path | None,
    tenants: Path | None,
    host: str,
    http_port: int,
    grpc_port: int,
    tls_certificate: Path | None,
    tls_key: Path | None,
    largest_request: int,
    map_shared_memory: bool,
    trace_to: str | None,
    as_json: bool,
) -> None:
    """Serve artifacts NETWORKS over HTTP and gRPC, by the Open Inference Protocol."""
    import asyncio

    try:
        from tf2c.serving import server
        from tf2c.serving.tenants import Access, read_access
    except ImportError as error:
        if error.name is None:  # it is there, and does not work
            raise
        raise UserError(
            f"expected what serving needs, got no `{error.name}`",
            hint="run `pip install 'tf2c[serve]'`",
        ) from error

    if (tls_certificate is None) != (tls_key is None):
        given = "--tls-key" if tls_certificate is None else "--tls-certificate"
        raise UserError(f"expected `--tls-certificate` and `--tls-key`, got `{given}` alone")
    if http_port and http_port == grpc_port:
        raise UserError(f"expected two ports, got {http_port} for HTTP and gRPC")
    if not host:
        raise UserError("expected an address to listen on, got an empty `--host`")
    access = Access() if tenants is None else read_access(tenants)
    if access.is_open and host not in ("127.0.0.1", "localhost", "::1"):
        print_note(f"everybody who reaches {host} may use the cards: no `--tenants`")
    tracing = open_tracing(trace_to)
    service = open_service(
        networks, device, cards, ray, aocx, repository, access, tracing, map_shared_memory
    )
    if repository is not None and not service.repository_names:
        print_note(f"{repository}: there is no artifact NAME.tf2c in it yet")
    for name in service.missing_networks:
        print_note(f"a tenant may use `{name}`, which is neither served nor in a repository")
    addresses = server.Addresses(host, http_port, grpc_port, tls_certificate, tls_key)

    def started(ports: server.Ports) -> None:
        scheme = "http" if tls_certificate is None else "https"
        if as_json:
            print_json({"http_port": ports.http, "grpc_port": ports.grpc})
        else:
            print_note(f"{scheme}://{host}:{ports.http} and gRPC on {host}:{ports.grpc}")

    if not asyncio.run(server.serve(service, addresses, largest_request << 20, started)):
        raise DeviceError(f"requests were still on their way after {server.DRAIN_SECONDS:g} s")


def open_tracing(address: str | None) -> "Tracing | None":
    """Return what traces requests: to a collector, or wherever the process has been told to.

    Raises:
        UserError: there is an address, but OpenTelemetry is not installed, or it is none.
    """
    try:
        from tf2c.serving.tracing import Tracing
    except ImportError as error:
        if address is None:
            return None
        raise UserError(
            f"expected what sends traces, got no `{error.name}`",
            hint="run `pip install 'tf2c[trace]'`",
        ) from error
    return Tracing() if address is None else Tracing.to(address)


def open_service(
    paths: tuple[Path, ...],
    device: str,
    cards: int | None,
    ray: str | None,
    aocx: Path | None,
    repository: Path | None,
    access: "Access",
    tracing: "Tracing | None",
    maps: bool,
) -> "Service":
    """Open artifacts and cards.

    Raises:
        UserError: an artifact, the repository or a device that cannot be used.
    """
    from tf2c.artifact import MANIFEST
    from tf2c.cli.run import read_file
    from tf2c.orchestration import cards as local_cards
    from tf2c.orchestration.cards import ServedNetwork
    from tf2c.runtime.devices import SIMULATOR, device_names
    from tf2c.serving.service import ARTIFACT_SUFFIX, Service

    if not paths and repository is None:
        raise UserError("expected an artifact or a `--repository`, got neither")
    if repository is not None and not repository.is_dir():
        raise UserError(f"{repository}: expected a folder of artifacts, got no folder")
    if repository is not None and (repository / MANIFEST).exists():
        raise UserError(
            f"{repository}: expected a folder of artifacts, got an artifact",
            hint=f"`tf2c serve {repository}` serves it",
        )
    if aocx is not None and device == SIMULATOR:
        raise UserError(
            f"expected a card for `--aocx`, got `--device {SIMULATOR}`, which has no engine",
            hint="name the card: `--device opencl:PLATFORM`",
        )
    served: dict[str, ServedNetwork] = {}
    sources: dict[str, Path] = {}
    engines: set[bytes] = set()
    for path in paths:
        name = path.resolve().name.removesuffix(ARTIFACT_SUFFIX)
        if name in served:
            raise UserError(f"{path}: expected networks of different names, got two `{name}`")
        served[name], sources[name] = ServedNetwork.read(path), path.absolute()
        engines.add(served[name].engine)
    if not paths and repository is not None:
        for path in repository.glob(f"*{ARTIFACT_SUFFIX}"):
            with suppress(UserError):  # told whoever loads it
                engines.add(ServedNetwork.read(path).engine)
    if aocx is not None:
        engines = {read_file(aocx)}
    if device != SIMULATOR and len(engines) != 1:
        raise UserError(
            f"expected networks of one engine on `{device}`, got {len(engines)} engines",
            hint="compile all of them for one board, with one `--engine`",
        )
    kernels = next(iter(engines), b"")

    if ray is None:
        opened = local_cards.open_cards(device_names(device, cards or 1), kernels)
    else:
        from tf2c.orchestration import ray_cells

        ray_cells.connect(ray)
        opened = ray_cells.open_cards(device, kernels, cards)
    try:
        return Service(served, opened, access, repository, tracing, sources=sources, maps=maps)
    except BaseException:
        for card in opened:
            card.close()
        raise
