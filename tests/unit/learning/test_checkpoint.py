"""Checkpoints are whole, of one training, and run no code."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from unit.learning.small_network import SETTINGS

from tf2c.errors import UserError
from tf2c.learning.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from tf2c.learning.settings import Settings

CHECKPOINT = Checkpoint(
    network="0123",
    settings=SETTINGS,
    epoch=3,
    measured=[(0.5, 90.0)],
    parameters={"parameter0": torch.arange(4.0)},
    frozen=[torch.tensor([True, False, False, True])],
    optimizer={"state": {0: {"momentum_buffer": torch.ones(4)}}, "param_groups": []},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    saved = tmp_path / "training.pt"
    save_checkpoint(saved, CHECKPOINT)
    return saved


def refusal(path: Path, network: str = "0123", settings: Settings = SETTINGS) -> UserError:
    with pytest.raises(UserError) as refused:
        load_checkpoint(path, network, settings)
    return refused.value


def test_what_is_loaded_is_what_was_saved(path: Path) -> None:
    loaded = load_checkpoint(path, "0123", SETTINGS)
    assert (loaded.epoch, loaded.measured) == (3, [(0.5, 90.0)])
    assert torch.equal(loaded.parameters["parameter0"], torch.arange(4.0))
    assert torch.equal(loaded.frozen[0], CHECKPOINT.frozen[0])
    assert torch.equal(loaded.optimizer["state"][0]["momentum_buffer"], torch.ones(4))
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_another_network_is_refused(path: Path) -> None:
    assert str(refusal(path, "4567")).endswith("a checkpoint of this network, got one of another")


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 9), ("batch", 9), ("learning_rate", 0.5), ("momentum", 0.5), ("seed", 9)],
)
def test_other_settings_are_refused(name: str, value: Any, path: Path) -> None:
    message = str(refusal(path, settings=replace(SETTINGS, **{name: value})))
    stored = getattr(SETTINGS, name)
    assert f"was made with {name.replace('_', ' ')} {stored}, got {value}" in message


class Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("the checkpoint ran code",))


@pytest.mark.parametrize(
    "contents",
    [b"", b"hello\n", b"PK\x03\x04", pickle.dumps({"format": 1}), pickle.dumps(Attack())],
    ids=["empty", "text", "zip", "pickle", "attack"],
)
def test_other_files_are_refused(contents: bytes, path: Path) -> None:
    path.write_bytes(contents)
    assert "expected a checkpoint" in str(refusal(path))


@pytest.mark.parametrize("size", [100, 1000, -1])
def test_a_file_that_was_cut_off_is_refused(size: int, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:size])
    assert "expected a checkpoint, got another or a damaged file" in str(refusal(path))


def test_tensors_of_others_are_refused(path: Path) -> None:
    torch.save({"weights": torch.ones(2)}, path)
    assert "got another file" in str(refusal(path))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "expected a checkpoint" in str(refusal(tmp_path))


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent.training.pt: cannot be written"):
        save_checkpoint(tmp_path / "absent" / "training.pt", CHECKPOINT)
