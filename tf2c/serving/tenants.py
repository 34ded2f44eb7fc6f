"""Who may use the cards: names, keys and limits, from a TOML file.

    operator_key_sha256 = "..."     # metrics, the page, loading and unloading

    [tenants.alice]
    key_sha256 = "..."              # printf %s KEY | sha256sum | cut -c 1-64
    weight = 3
    queue_limit = 256               # images that may wait at once
    images_per_second = 500         # on average; as many again at once
    networks = ["resnet50"]         # all by default

Keys are not in it, but their digests: who reads the file cannot use the cards.
"""

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tf2c.errors import UserError
from tf2c.orchestration.embedded import DEFAULT_TENANT
from tf2c.orchestration.requests import Tenant
from tf2c.serving.errors import Refusal, RefusedError
from tf2c.toml_files import read_toml

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NUMBERS = ("weight", "queue_limit", "images_per_second")


@dataclass
class Caller:
    """Somebody whose key was right."""

    name: str
    share: Tenant = field(default_factory=Tenant)
    networks: frozenset[str] | None = None
    """Which it may use and see; None for all."""
    images_per_second: float | None = None
    is_operator: bool = False
    """Whether it may load, unload and see everything."""
    _credit: float = 0.0
    _seen: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Begin with a whole second's allowance."""
        self._credit = self.images_per_second or 0.0

    def may_use(self, network: str) -> bool:
        """Whether a network exists for this caller."""
        return self.networks is None or network in self.networks

    def spend(self, images: int) -> None:
        """Take images from the allowance per second.

        Raises:
            RefusedError: it is used up, or never as much as that.
        """
        if self.images_per_second is None:
            return
        if images > self.images_per_second:
            raise RefusedError(
                Refusal.INVALID,
                f"expected at most {self.images_per_second:g} images, as many as tenant "
                f"`{self.name}` may have in a second, got {images}",
            )
        now = time.monotonic()
        earned = (now - self._seen) * self.images_per_second
        self._credit = min(self._credit + earned, self.images_per_second)
        self._seen = now
        if self._credit < images:
            raise RefusedError(
                Refusal.TOO_MANY,
                f"tenant `{self.name}` may have {self.images_per_second:g} images per second",
            )
        self._credit -= images

    def give_back(self, images: int) -> None:
        """Return images to the allowance that were not taken."""
        self._credit += images


class Access:
    """Callers by their keys; without a file, everybody is the operator and the one tenant."""

    def __init__(self, callers: Mapping[str, Caller] | None = None) -> None:
        """Take callers by the sha256 of their keys; None to let everybody in."""
        self._callers = None if callers is None else dict(callers)
        self._everybody = Caller(DEFAULT_TENANT, is_operator=True)

    @property
    def is_open(self) -> bool:
        """Whether nobody needs a key."""
        return self._callers is None

    @property
    def shares(self) -> dict[str, Tenant]:
        """What the policy has to know of each tenant."""
        callers = [self._everybody] if self._callers is None else self._callers.values()
        return {each.name: each.share for each in callers}

    @property
    def networks(self) -> frozenset[str]:
        """Those that tenants have been given by name."""
        callers = (self._callers or {}).values()
        return frozenset(name for each in callers for name in each.networks or ())

    def caller(self, authorization: str | None) -> Caller:
        """Return who sent a request, by the header `authorization: Bearer KEY`.

        Raises:
            RefusedError: no key, or nobody's.
        """
        if self._callers is None:
            return self._everybody
        scheme, _, key = (authorization or "").partition(" ")
        # Digests are compared, not keys: how long that takes says nothing about the keys.
        found = self._callers.get(
            hashlib.sha256(key.strip().encode(errors="surrogateescape")).hexdigest()
        )
        if scheme.lower() != "bearer" or found is None:
            got = "none" if authorization is None else "a key that is nobody's"
            raise RefusedError(
                Refusal.UNAUTHENTICATED,
                f"expected a header `authorization: Bearer KEY` with a tenant's key, got {got}",
            )
        return found


def read_access(path: Path) -> Access:
    """Read a file of tenants.

    Raises:
        UserError: no such file, or something in it is not as it should be.
    """
    content = read_toml(path, "a file of tenants")
    unknown = content.keys() - {"tenants", "operator_key_sha256"}
    given: Any = content.get("tenants")
    tables = cast(dict[str, Any], given) if isinstance(given, dict) else {}
    if unknown or not tables:
        what = f"`{min(unknown)}`" if unknown else "no table"
        raise UserError(
            f"{path}: expected `operator_key_sha256` and tables `[tenants.NAME]`, got {what}"
        )
    callers: dict[str, Caller] = {}
    for name, table in tables.items():
        digest, caller = _tenant(path, name, table)
        if digest in callers:
            raise UserError(f"{path}: tenants `{callers[digest].name}` and `{name}` have one key")
        callers[digest] = caller
    if "operator_key_sha256" in content:
        digest = _digest(f"{path}", "operator_key_sha256", content["operator_key_sha256"])
        if digest in callers:
            raise UserError(f"{path}: tenant `{callers[digest].name}` has the operator's key")
        callers[digest] = Caller("operator", is_operator=True)
    return Access(callers)


def _digest(where: str, name: str, value: Any) -> str:
    digest = value.lower() if isinstance(value, str) else ""
    if not _DIGEST.fullmatch(digest):  # which may be the key itself: nobody is to read that
        raise UserError(
            f"{where}: expected `{name}` to be 64 hexadecimal digits, got "
            f"{'none' if value is None else 'something else'}",
            hint="`printf %s KEY | sha256sum | cut -c 1-64` prints them",
        )
    return digest


def _tenant(path: Path, name: str, given: Any) -> tuple[str, Caller]:
    where = f"{path}: tenant `{name}`"
    table = cast(dict[str, Any], given) if isinstance(given, dict) else {}
    if not _NAME.fullmatch(name) or name == "operator" or not table:
        raise UserError(f"{where}: expected a name of letters, digits, - and _, and a table")
    known = {"key_sha256", "networks", *_NUMBERS}
    for key in table:
        if key not in known:
            raise UserError(f"{where}: expected one of {', '.join(sorted(known))}, got `{key}`")
    for key in _NUMBERS:
        value: Any = table.get(key, 1)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if not is_number or value < 1:
            raise UserError(
                f"{where}: expected `{key}` to be a whole number >= 1, got {_shown(value)}"
            )
    listed: Any = table.get("networks", [])
    networks = cast(list[Any], listed) if isinstance(listed, list) else []
    if not isinstance(listed, list) or any(not isinstance(each, str) for each in networks):
        raise UserError(f"{where}: expected `networks` to be a list of names, got {_shown(listed)}")
    share = Tenant(table.get("weight", 1), table.get("queue_limit", Tenant().queue_limit))
    caller = Caller(
        name,
        share,
        frozenset(networks) if "networks" in table else None,
        table.get("images_per_second"),
    )
    return _digest(where, "key_sha256", table.get("key_sha256")), caller


def _shown(value: Any) -> str:
    """Return a value as the file has it, more or less: a string has quotes there."""
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"
