"""Shared memory that clients have made, for tensors that nobody copies.

The regions are files in /dev/shm, named by their keys. With tenants, a key has to begin with the
tenant's name and a dot, and a region's name is the tenant's own: nobody reads what another one has.
"""

import mmap
import os
import re
from dataclasses import dataclass

from tf2c.serving.errors import Refusal, RefusedError
from tf2c.serving.tensors import Region, invalid

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


class Regions:
    """Of all tenants."""

    def __init__(self, *, is_open: bool) -> None:
        """Start with none.

        Args:
            is_open: whether there is only one tenant, who may have any key.
        """
        self._is_open = is_open
        self._regions: dict[tuple[str, str], tuple[Registered, mmap.mmap]] = {}

    def register(self, tenant: str, region: Registered) -> None:
        """Map a region.

        Raises:
            RefusedError: it does not exist, is smaller than that, or belongs to somebody else.
        """
        if not _KEY.fullmatch(region.key):
            raise invalid("expected a key of letters, digits, dots, - and _")
        key = region.key.removeprefix("/")
        if not self._is_open and not key.startswith(f"{tenant}."):
            raise RefusedError(Refusal.FORBIDDEN, f"expected a key that begins with `{tenant}.`")
        if (tenant, region.name) in self._regions:
            raise invalid(f"expected a new name of a region, got `{region.name}`")
        if sum(owner == tenant for owner, _ in self._regions) >= MOST:
            raise RefusedError(Refusal.TOO_MANY, f"expected at most {MOST} regions")
        if region.offset < 0 or not 0 < region.size <= LARGEST:
            raise invalid(f"expected 1 to {LARGEST} bytes from an offset >= 0")
        try:
            file = os.open(f"{_FOLDER}/{key}", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise invalid(f"expected shared memory `{region.key}`, got {error.strerror}") from error
        try:
            end = region.offset + region.size
            if os.fstat(file).st_size < end:
                raise invalid(f"expected {end} bytes in `{region.key}`, got fewer")
            mapped = mmap.mmap(file, end)
        except OSError as error:
            raise invalid(f"`{region.key}` cannot be mapped: {error.strerror}") from error
        finally:
            os.close(file)
        self._regions[tenant, region.name] = region, mapped

    def unregister(self, tenant: str, name: str) -> None:
        """Forget a region, or with an empty name all of a tenant's; what reads it may go on."""
        for owner, each in list(self._regions):
            if owner == tenant and name in ("", each):
                del self._regions[owner, each]

    def status(self, tenant: str, name: str = "") -> list[Registered]:
        """Return a tenant's regions, or the one of a name."""
        return [
            region
            for (owner, each), (region, _) in self._regions.items()
            if owner == tenant and name in ("", each)
        ]

    def view(self, tenant: str, part: Region) -> memoryview:
        """Return the bytes of a part, to be read or written in place.

        Raises:
            RefusedError: the tenant has no such region, or the part is not within it.
        """
        if (tenant, part.name) not in self._regions:
            raise RefusedError(Refusal.UNKNOWN, f"there is no region `{part.name}`")
        region, mapped = self._regions[tenant, part.name]
        if part.offset + part.size > region.size:
            raise invalid(f"expected a part within the {region.size} bytes of `{part.name}`")
        begin = region.offset + part.offset
        return memoryview(mapped)[begin : begin + part.size]
