"""One page that shows cards, tenants and networks as they are now.

The page itself says nothing: what it shows comes from `/status`, for which operators need a key.
"""

import time
from importlib.resources import files
from typing import Any

from tf2c.serving.service import Service

HTML = (files("tf2c.serving") / "page.html").read_text()


def status(service: Service) -> dict[str, Any]:
    """Return what the page shows."""
    watch = service.watch
    tenants: dict[str, dict[str, Any]] = {
        name: {"weight": share.weight, "waiting": watch.waiting.get(name, 0), "images": 0}
        for name, share in service.access.shares.items()
    }
    networks: dict[str, dict[str, int]] = {}
    for (network, tenant), each in list(watch.statistics.items()):
        shown = networks.setdefault(network, {"succeeded": 0, "failed": 0, "rejected": 0})
        for outcome in shown:
            shown[outcome] += getattr(each, outcome)
        if tenant in tenants:
            tenants[tenant]["images"] += each.succeeded
    return {
        "is_ready": service.is_ready,
        "seconds": round(time.time() - service.started, 1),
        "cards": {name: vars(card) for name, card in sorted(watch.cards.items())},
        "tenants": tenants,
        "networks": networks,
    }
