"""How far a training has come, as a file that is written whole."""

import pickle
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch

from tf2c.errors import UserError
from tf2c.learning.settings import Settings
from tf2c.learning.torch_ops import Tensor
from tf2c.whole_files import written_whole

FORMAT = "tf2c retraining 1"


@dataclass(frozen=True)
class Checkpoint:
    """All that the next epoch depends on, beside the images."""

    network: str
    """Digest of the float network."""
    settings: Settings
    epoch: int
    """How many have been."""
    measured: list[tuple[float, float]]
    """Losses and accuracies."""
    parameters: dict[str, Any]
    """Weights and biases, by the names that they have in PyTorch."""
    frozen: list[Tensor]
    """By layer, which weights are rounded."""
    optimizer: dict[str, Any]
    """Momentum."""


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, all of it or nothing.

    Raises:
        UserError: the place cannot be written.
    """
    # `asdict` would copy the tensors.
    fields = {**vars(checkpoint), "settings": asdict(checkpoint.settings), "format": FORMAT}
    with written_whole(path) as file:
        torch.save(fields, file)


def load_checkpoint(path: Path, network: str, settings: Settings) -> Checkpoint:
    """Read a checkpoint of the same training.

    Args:
        path: the file.
        network: digest of the network that is trained.
        settings: of the training.

    Raises:
        UserError: it cannot be read, is none, or of another network or other settings.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles, which this one is not
            # Nothing but tensors, numbers and containers of them: a file of others' runs no code.
            loaded: object = torch.load(path, weights_only=True)
    except OSError as error:
        raise UserError(f"{path}: expected a checkpoint, got {error.strerror}") from error
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise UserError(f"{path}: expected a checkpoint, got another or a damaged file") from error
    fields = cast(dict[str, Any], loaded) if isinstance(loaded, dict) else {}
    if fields.pop("format", None) != FORMAT:
        raise UserError(f"{path}: expected a checkpoint of `{FORMAT}`, got another file")
    if fields["network"] != network:
        raise UserError(
            f"{path}: expected a checkpoint of this network, got one of another",
            hint="another `--checkpoint` begins anew",
        )
    stored = fields.pop("settings")
    for name, value in asdict(settings).items():
        if stored[name] != value:
            raise UserError(
                f"{path}: the checkpoint was made with {name.replace('_', ' ')} {stored[name]}, "
                f"got {value}",
                hint="training resumes with the same settings only; another `--checkpoint` begins "
                "anew",
            )
    return Checkpoint(settings=settings, **fields)
