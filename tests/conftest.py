"""Fixtures that tests of several folders share: networks, images, the emulator, golden files."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings

import tf2c
from tf2c.errors import UserError
from tf2c.frontends.images import load_images
from tf2c.runtime.emulator import EmulatorDevice, library_path

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).parent / "golden"

SHARED = Path(os.environ.get("TF2C_DATA", ROOT.parent / "shared" / "data"))
"""Trained networks and photographs that are too large for the checkout."""

settings.register_profile("tf2c", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("tf2c")

Golden = Callable[[str, str], None]
"""Compares a text with the golden file of a name."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite the files under tests/golden instead of comparing with them",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a text with `tests/golden/NAME`, or write it there with `--update-golden`."""
    update = bool(request.config.getoption("--update-golden"))

    def compare(text: str, name: str) -> None:
        path = GOLDEN / name
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return
        assert path.is_file(), f"{path} is missing; `pytest --update-golden` writes it"
        assert text == path.read_text(), f"{path} differs; `pytest --update-golden` rewrites it"

    return compare


@pytest.fixture(scope="session")
def digits() -> Path:
    """The folder of the bundled network."""
    return ROOT / "examples" / "digits"


@pytest.fixture(scope="session")
def heldout_images(digits: Path) -> npt.NDArray[np.float32]:
    """The first images that neither training nor calibration has seen, more than one batch."""
    return next(load_images(digits / "heldout", (1, 8, 8)).batches(40))


@pytest.fixture(scope="session")
def digits_artifact(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> tf2c.Artifact:
    """The bundled network, compiled; tests that change files copy it first."""
    return tf2c.compile(
        digits / "digits.onnx",
        calib=digits / "calibration",
        output=tmp_path_factory.mktemp("digits") / "digits.tf2c",
    )


@pytest.fixture(scope="session")
def nearest_artifact(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> tf2c.Artifact:
    """The bundled network of passes that look at no images, except for scales."""
    return tf2c.compile(
        digits / "digits.onnx",
        calib=digits / "calibration",
        method="nearest",
        output=tmp_path_factory.mktemp("nearest") / "digits.tf2c",
    )


def shared_folder(name: str) -> Path:
    """A folder of `SHARED`; a test that uses it is skipped where it is absent."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent; the environment variable TF2C_DATA says where it is")
    return folder


def tf2_golden_file(name: str) -> Path:
    """A network with the maps that TF2's own engine computed; skips where it is absent."""
    path = SHARED.parent / "tf2" / "golden" / name
    if not path.is_file():
        pytest.skip(f"{path} is absent; it lies beside what TF2C_DATA names")
    return path


@pytest.fixture(scope="session")
def real_networks() -> Path:
    """Trained networks of real tasks."""
    return shared_folder("models")


@pytest.fixture(scope="session")
def shared_images() -> Path:
    """Photographs with labels."""
    return shared_folder("images")


@pytest.fixture(scope="session")
def emulator_library() -> Path:
    """The emulator's library; a test that uses it is skipped where it is not installed."""
    try:
        return library_path()
    except UserError as error:
        pytest.skip(f"{error}; {error.hint}")


@pytest.fixture(scope="session")
def emulator(emulator_library: Path, digits_artifact: tf2c.Artifact) -> Iterator[EmulatorDevice]:
    """The emulator with the default engine, built once; networks are loaded one after another."""
    with EmulatorDevice(digits_artifact.kernels) as device:
        yield device
