"""Several devices of one OpenCL platform: Intel's emulator can be two identical ones."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import tf2c
from tf2c.errors import UserError
from tf2c.runtime.devices import device_names, open_device
from tf2c.runtime.emulator import child_environment

PLATFORM = "opencl:FPGA Emulation"

TWO_CARDS = """
import sys
import numpy as np
from tf2c.errors import UserError
from tf2c.orchestration.cards import ServedNetwork, open_cards
from tf2c.orchestration.embedded import Runtime
from tf2c.runtime.devices import device_names

platform, network, images, results = sys.argv[1:]
served = ServedNetwork.read(network)
cards = open_cards(device_names(platform, 2), served.engine)
images = np.load(images)
found = []
for card in cards:
    card.load(served)
    found.append(np.stack(card.run(images)))
np.save(results, np.stack(found))
print([card.name for card in cards])
try:
    open_cards(device_names(platform, 3), cards[0].built)
except UserError as error:
    print(error)
"""


def test_cards_are_the_devices_of_a_platform(
    emulator_library: Path,
    digits_artifact: tf2c.Artifact,
    heldout_images: npt.NDArray[np.float32],
    tmp_path: Path,
) -> None:
    np.save(tmp_path / "images.npy", heldout_images[:4])
    arguments = [digits_artifact.path, tmp_path / "images.npy", tmp_path / "results.npy"]
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TWO_CARDS, PLATFORM, *map(str, arguments)],
        env=child_environment(emulator_library, tmp_path) | {"CL_CONFIG_CPU_EMULATE_DEVICES": "2"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    names, refused = ran.stdout.strip().splitlines()[-2:]
    assert names == f"['{PLATFORM}:0', '{PLATFORM}:1']"
    assert refused.startswith("expected 3 or more devices of `Intel(R) FPGA Emulation Platform")
    assert refused.endswith("got 2")
    expected = digits_artifact.run(heldout_images[:4])
    np.testing.assert_array_equal(np.load(tmp_path / "results.npy"), np.stack([expected] * 2))


@pytest.mark.parametrize(
    ("name", "count", "expected"),
    [
        ("simulator", 2, ["simulator", "simulator"]),
        ("opencl:PAC", 3, ["opencl:PAC:0", "opencl:PAC:1", "opencl:PAC:2"]),
        ("opencl:PAC:7", 1, ["opencl:PAC:7"]),
        ("opencl:Vendor: 2", 1, ["opencl:Vendor: 2:0"]),
    ],
)
def test_names_of_devices(name: str, count: int, expected: list[str]) -> None:
    assert device_names(name, count) == expected


def test_several_cards_of_one_device() -> None:
    with pytest.raises(UserError, match="expected devices for 2 cards, got one, `opencl:PAC:1`"):
        device_names("opencl:PAC:1", 2)


@pytest.mark.parametrize("name", ["opencl:", "opencl::1", "abacus"])
def test_names_of_no_device(name: str) -> None:
    with pytest.raises(UserError, match=f"expected a device, got `{name}`"):
        open_device(name, b"")
