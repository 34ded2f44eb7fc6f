"""One page that shows cards, tenants and networks as they are now.

The page itself says nothing: what it shows comes from `/status`, for which operators need a key.
"""

import hashlib
import re
import time
from base64 import b64encode
from importlib.resources import files
from typing import Any

from tf2c.orchestration.requests import MILLISECOND
from tf2c.serving.service import Service
from tf2c.serving.tenants import Caller

HTML = (files("tf2c.serving") / "page.html").read_text()

_OUTCOMES = ("succeeded", "failed", "rejected")


def _digest(element: str) -> str:
    """Return what allows the one script or style that the page has, and no other."""
    (content,) = re.findall(rf"<{element}>(.*?)</{element}>", HTML, re.DOTALL)
    return f"'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            f"script-src {_digest('script')}",
            f"style-src {_digest('style')}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""With which the page is sent: it runs and loads nothing but itself, and no other page shows it."""


def status(service: Service, operator: Caller) -> dict[str, Any]:
    """Return what the page shows."""
    watch = service.watch
    tenants: dict[str, dict[str, Any]] = {
        name: {"weight": share.weight, "waiting": watch.waiting.get(name, 0)}
        | dict.fromkeys(_OUTCOMES, 0)
        for name, share in service.access.shares.items()
    }
    nothing: dict[str, Any] = {"is_loaded": False, "milliseconds": None}
    nothing |= dict.fromkeys(_OUTCOMES, 0)
    networks = {name: nothing | {"is_loaded": True} for name in service.names(operator)}
    for (network, tenant), each in list(watch.statistics.items()):
        for shown in (networks.setdefault(network, {**nothing}), tenants[tenant]):
            for outcome in _OUTCOMES:
                shown[outcome] += getattr(each, outcome)
    for name, costs in service.runtime.costs().items():
        if name in networks:
            networks[name]["milliseconds"] = round(costs.service(1) / MILLISECOND, 3)
    return {
        "is_ready": service.is_ready,
        "seconds": round(time.time() - service.started, 1),
        "cards": {name: vars(card) for name, card in sorted(watch.cards.items())},
        "tenants": tenants,
        "networks": networks,
    }
