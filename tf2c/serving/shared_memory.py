"""Shared memory that clients have made, for tensors that do not travel.

They are read and written as files are, because a client may shorten its memory at any time: whoever
has it mapped is killed then. So images are copied once, and nobody changes them afterwards. Whoever
trusts all clients can have it mapped instead; then the images are the client's memory itself.

The regions are files in /dev/shm, named by their keys. With tenants, a key has to begin with the
tenant's name and a dot, and a region's name is the tenant's own: nobody reads what another one has.
"""

import mmap
import os
import re
from dataclasses import dataclass
from typing import NamedTuple

from tf2c.serving.errors import Refusal, RefusedError
from tf2c.serving.tensors import OUTPUT, Region, invalid

_FOLDER = "/dev/shm"
_KEY = re.compile(r"/?[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}")

LARGEST = 1 << 30
"""Bytes of a region."""

MOST = 64
"""Regions of a tenant."""


@dataclass(frozen=True)
class Registered:
    """A region as it was registered."""

    name: str
    key: str
    offset: int
    size: int


class _Opened(NamedTuple):
    """A region that the server can use."""

    registered: Registered
    file: int
    mapped: memoryview | None
    """The region, for as long as anybody looks at it."""


class Regions:
    """Of all tenants."""

    def __init__(self, *, is_open: bool, maps: bool = False) -> None:
        """Start with none.

        Args:
            is_open: whether there is only one tenant, who may have any key.
            maps: whether images are not copied, which only clients may have that are trusted.
        """
        self._is_open = is_open
        self._maps = maps
        self._regions: dict[tuple[str, str], _Opened] = {}

    def register(self, tenant: str, region: Registered) -> None:
        """Open a region.

        Raises:
            RefusedError: it does not exist, is smaller than that, or belongs to somebody else.
        """
        if not _KEY.fullmatch(region.key):
            raise invalid("expected a key of letters, digits, dots, - and _")
        key = region.key.removeprefix("/")
        if not self._is_open and not key.startswith(f"{tenant}."):
            raise RefusedError(Refusal.FORBIDDEN, f"expected a key that begins with `{tenant}.`")
        if (tenant, region.name) in self._regions:
            raise invalid(f"region `{region.name}` is registered already: unregister it first")
        if sum(owner == tenant for owner, _ in self._regions) >= MOST:
            raise RefusedError(Refusal.TOO_MANY, f"expected at most {MOST} regions")
        if region.offset < 0 or not 0 < region.size <= LARGEST:
            raise invalid(f"expected 1 to {LARGEST} bytes from an offset >= 0")
        try:
            file = os.open(f"{_FOLDER}/{key}", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise invalid(f"expected shared memory `{region.key}`, got {error.strerror}") from error
        end = region.offset + region.size
        if os.fstat(file).st_size < end:
            os.close(file)
            raise invalid(f"expected {end} bytes in `{region.key}`, got fewer")
        try:
            mapped = _mapped(file, region) if self._maps else None
        except (OSError, OverflowError, ValueError) as error:
            os.close(file)
            raise invalid(f"expected memory that can be mapped, got {error}") from error
        self._regions[tenant, region.name] = _Opened(region, file, mapped)

    def unregister(self, tenant: str, name: str) -> None:
        """Forget a region, or with an empty name all of a tenant's."""
        for owner, each in list(self._regions):
            if owner == tenant and name in ("", each):
                os.close(self._regions.pop((owner, each)).file)

    def status(self, tenant: str, name: str = "") -> list[Registered]:
        """Return a tenant's regions, or the one of a name."""
        return [
            opened.registered
            for (owner, each), opened in self._regions.items()
            if owner == tenant and name in ("", each)
        ]

    def read(self, tenant: str, part: Region) -> bytes | memoryview:
        """Return the bytes of a part, or the part itself where it is mapped.

        Raises:
            RefusedError: the tenant has no such region, or the part is not within it.
        """
        opened, place = self._place(tenant, part)
        if opened.mapped is not None:
            return opened.mapped[part.offset : part.offset + part.size].toreadonly()
        found = os.pread(opened.file, part.size, place)
        if len(found) < part.size:
            raise invalid(f"expected {part.size} bytes in `{part.name}`, got {len(found)}")
        return found

    def write(self, tenant: str, part: Region, contents: bytes) -> None:
        """Write to the beginning of a part.

        Raises:
            RefusedError: the tenant has no such region, the part is not within it, or too small.
        """
        opened, place = self._place(tenant, part)
        if part.size < len(contents) or os.fstat(opened.file).st_size < place + len(contents):
            raise invalid(f"expected {len(contents)} bytes for `{OUTPUT}`, got {part.size}")
        os.pwrite(opened.file, contents, place)

    def _place(self, tenant: str, part: Region) -> tuple[_Opened, int]:
        if (tenant, part.name) not in self._regions:
            raise RefusedError(Refusal.UNKNOWN, f"there is no region `{part.name}`")
        opened = self._regions[tenant, part.name]
        region = opened.registered
        if part.offset + part.size > region.size:
            raise invalid(f"expected a part within the {region.size} bytes of `{part.name}`")
        return opened, region.offset + part.offset


def _mapped(file: int, region: Registered) -> memoryview:
    before = region.offset % mmap.ALLOCATIONGRANULARITY
    pages = mmap.mmap(file, before + region.size, offset=region.offset - before)
    return memoryview(pages)[before:]
