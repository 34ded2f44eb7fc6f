"""What retraining reads: batches of images with labels, by any loader, and the same as tensors."""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import torch

from tf2c.errors import UserError
from tf2c.learning.torch_ops import Tensor, tensor_of

Images = npt.NDArray[np.floating] | Tensor
Labels = npt.NDArray[np.integer] | Tensor

Batch = tuple[Images, Labels | None]
"""Prepared images `[n, C, H, W]` and the class of each, `[n]`; without labels, what the float
network says of the images is what is trained for."""

Batches = Callable[[int], Iterable[Batch]]
"""A loader: returns the batches of an epoch, which are counted from 0.

A list is one as `lambda epoch: batches`, and so is a `torch.utils.data.DataLoader`, whose workers'
and shuffles' seeds PyTorch draws: it is seeded anew in every epoch. What else is random in a loader
should follow from the number of the epoch, so that retraining can be resumed.
"""


def image_tensor(images: Images, extents: tuple[int, ...]) -> Tensor:
    """Return images as float32.

    Raises:
        UserError: they are not images of the network's `(C, H, W)`.
    """
    tensor = _tensor(images, torch.float32)
    if tensor.ndim != 4 or tuple(tensor.shape[1:]) != extents:
        expected = "x".join(("N", *map(str, extents)))
        got = "x".join(map(str, tensor.shape)) or "a scalar"
        raise UserError(f"expected images of shape {expected}, got {got}")
    return tensor


def label_tensor(labels: Labels, images: int, classes: int) -> Tensor:
    """Return labels as int64.

    Raises:
        UserError: not one class of the network for each image.
    """
    tensor = _tensor(labels, torch.int64)
    if tuple(tensor.shape) != (images,):
        raise UserError(f"expected {images} labels of {images} images, got {tuple(tensor.shape)}")
    least, greatest = int(tensor.min()), int(tensor.max())
    if least < 0 or greatest >= classes:
        wrong = least if least < 0 else greatest
        raise UserError(f"expected labels of 0 to {classes - 1}, got {wrong}")
    return tensor


def _tensor(numbers: Images | Labels, dtype: torch.dtype) -> Tensor:
    if isinstance(numbers, Tensor):
        return numbers.to(dtype)
    # A copy, because PyTorch warns about arrays that must not be written, such as mapped files.
    return tensor_of(np.array(numbers)).to(dtype)
