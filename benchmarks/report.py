"""What every benchmark writes down beside its figures: machine, versions, command."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def processor() -> str:
    """Return the processor's own name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def write_results(
    name: str, command: str, packages: Sequence[str], figures: Mapping[str, Any]
) -> None:
    """Write `results/NAME.json`."""
    content = {
        "command": command,
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "load_at_the_end": round(os.getloadavg()[0], 2),
            "system": platform.platform(),
        },
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in packages},
        },
        **figures,
    }
    target = HERE / "results" / f"{name}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(content, indent=2) + "\n")
    print(f"wrote {target.relative_to(HERE.parent)}")
