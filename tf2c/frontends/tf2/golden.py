"""Golden files: networks with what TF2's own engine computed, layer by layer.

An `.npz` file with `net`, a JSON list of layer descriptors, the input `x_in`, and for every layer
`l` the map `y{l}` that TF2 wrote, `bias{l}`, `alpha{l}`, `beta{l}`, and weights: bytes `codes{l}`,
or exponents `wexp{l}` with the tables `qin{l}` and `qout{l}`.
"""

import dataclasses
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from tf2c.errors import LayerError, UserError, naming
from tf2c.frontends.tf2.first_layer import rewritten_weights
from tf2c.frontends.tf2.layer import Layer, Pooling
from tf2c.frontends.tf2.network import ScaleConflictError, build_module
from tf2c.numerics import weight_bytes

Descriptor = Mapping[str, Any]

SPELLINGS: dict[str, tuple[str, ...]] = {
    "channels": ("C",),
    "height": ("H",),
    "width": ("W",),
    "filters": ("N",),
    "kernel": ("K",),
    "pad": ("pad",),
    "stride": ("st", "stride"),
    "relu": ("relu",),
    "only_pools": ("ip", "ipool"),
    "pooling": ("pool",),
    "residual": ("res", "add_from"),
    "residual_relu": ("ar", "add_relu"),
    "averages": ("end", "avgpool"),
    "read_page": ("rd", "cache_read"),
    "write_page": ("wr", "cache_write"),
    "first_channel": ("ns", "nstart"),
    "is_written": ("cw", "cache_write_enable"),
    "output_height": ("ph", "out_h"),
    "output_width": ("pw", "out_w"),
    "pooling_pad": ("pool_pad",),
    "pooling_stride": ("pool_stride",),
}
"""How files spell what we call so; either way."""

IMAGE_CHANNELS = 3
"""Of the weights of a first layer that is to be rewritten."""


def from_golden(path: Path) -> tuple[ModuleOp, npt.NDArray[np.int8], list[npt.NDArray[np.int8]]]:
    """Read a golden file.

    Exponents are those of the Q tables. Without tables they are 0: integers stand for themselves;
    so, too, where the tables contradict a residual addition, which adds integers whatever they say.

    Returns:
        the network, its input `[1, C, H, W]`, and the map `[1, N, OH, OW]` of every layer, in the
        order of the network's results.

    Raises:
        UserError: the file cannot be read, lacks something, or does not fit together.
    """
    with naming(str(path)):
        golden = _GoldenFile(_arrays(path))
        inputs = golden.array("x_in", np.int8, rank=3)
        layers = [golden.layer(index) for index in range(len(golden.descriptors))]
        extents = (inputs.shape[0], inputs.shape[1], inputs.shape[2])
        try:
            module = build_module(layers, extents, golden.input_exponents(extents[0]))
        except ScaleConflictError:
            integers = [dataclasses.replace(layer, exponents=None) for layer in layers]
            module = build_module(integers, extents)
        expected = [
            golden.array(f"y{index}", np.int8, rank=3)[None] for index in range(len(layers))
        ]
        return module, inputs[None], expected


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise UserError("expected an .npz file, got a single array")
        with file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"expected an .npz file, got {error}") from error


class _GoldenFile:
    """The arrays of a file and its layer descriptors."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._arrays = arrays
        if "net" not in arrays:
            raise UserError("expected an entry `net`, got none")
        try:
            descriptors = json.loads(str(arrays["net"]))
        except ValueError as error:
            raise UserError(f"expected JSON in `net`, got {error}") from error
        if not isinstance(descriptors, list) or not all(
            isinstance(each, dict) for each in cast(list[object], descriptors)
        ):
            raise UserError("expected a list of layer descriptors in `net`, got something else")
        self.descriptors = cast(list[Descriptor], descriptors)

    def array(self, name: str, dtype: npt.DTypeLike, rank: int) -> npt.NDArray[Any]:
        """Return an array of a file that must have it."""
        if name not in self._arrays:
            raise UserError(f"expected an array `{name}`, got none")
        array = self._arrays[name]
        if array.dtype != dtype or array.ndim != rank:
            raise UserError(
                f"expected `{name}` of {np.dtype(dtype)} and rank {rank}, got {array.dtype} and "
                f"rank {array.ndim}"
            )
        return array

    def input_exponents(self, channels: int) -> npt.NDArray[np.integer] | None:
        """Return the exponents of the input's channels, if the file has them.

        A rewritten image has those of its colors, of which TF2's host takes the first for all.
        """
        name = next((each for each in ("q_in", "qin0") if each in self._arrays), None)
        if name is None:
            return None
        exponents = self.array(name, np.int8, rank=1)
        if exponents.size == channels:
            return exponents
        if exponents.size == IMAGE_CHANNELS:
            return np.full(channels, exponents[0])
        raise UserError(f"expected {channels} exponents in `{name}`, got {exponents.size}")

    def layer(self, index: int) -> Layer:
        """Return a layer as its descriptor and arrays describe it."""
        name = f"layer {index}"
        fields = _Fields(name, self.descriptors[index])
        only_pools = fields.flag("only_pools")
        exponents = f"qout{index}"
        numbers = {
            what: None if only_pools else self.array(f"{what}{index}", np.int32, rank=1)
            for what in ("bias", "alpha", "beta")
        }
        return Layer(
            channels=fields.number("channels"),
            extents=(fields.number("height"), fields.number("width")),
            filters=fields.number("filters"),
            output_extents=(fields.number("output_height"), fields.number("output_width")),
            weight_bytes=None if only_pools else self._weights(index, fields),
            **numbers,
            exponents=None
            if only_pools or exponents not in self._arrays
            else self.array(exponents, np.int8, rank=1),
            pad=fields.number("pad"),
            stride=fields.number("stride"),
            relu=fields.flag("relu"),
            pooling=fields.pooling(),
            residual=fields.optional_number("residual"),
            residual_relu=fields.flag("residual_relu"),
            averages=fields.flag("averages"),
            read_page=fields.number("read_page"),
            write_page=fields.number("write_page"),
            first_channel=fields.number("first_channel"),
            is_written=fields.flag("is_written"),
        )

    def _weights(self, index: int, fields: "_Fields") -> npt.NDArray[np.uint8]:
        shape = tuple(fields.number(each) for each in ("filters", "channels", "kernel", "kernel"))
        if f"codes{index}" in self._arrays:
            weights = self.array(f"codes{index}", np.uint8, rank=4)
        elif f"wexp{index}" in self._arrays:
            weights = self._encoded(index)
            if weights.shape[1] == IMAGE_CHANNELS != shape[1]:
                weights = rewritten_weights(weights, with_unwritten_taps=True)
        else:
            raise UserError(f"expected an array `codes{index}` or `wexp{index}`, got neither")
        if weights.shape != shape:
            raise LayerError(fields.name, f"expected weights of {shape}, got {weights.shape}")
        return weights

    def _encoded(self, index: int) -> npt.NDArray[np.uint8]:
        """Return the bytes of weights that are given as exponents."""
        weights = self.array(f"wexp{index}", np.uint8, rank=4)
        tables: list[npt.NDArray[np.integer]] = []
        for name, count in ((f"qin{index}", weights.shape[1]), (f"qout{index}", len(weights))):
            table = self.array(name, np.int8, rank=1)
            if table.size != count:
                raise UserError(f"expected {count} exponents in `{name}`, got {table.size}")
            tables.append(table)
        return weight_bytes.encode(weights, *tables)


class _Fields:
    """A layer descriptor, by our names of its keys."""

    def __init__(self, name: str, descriptor: Descriptor) -> None:
        self.name = name
        self._descriptor = descriptor

    def _value(self, field: str) -> object:
        spellings = SPELLINGS[field]
        for spelling in spellings:
            if spelling in self._descriptor:
                return self._descriptor[spelling]
        expected = " or ".join(f"`{spelling}`" for spelling in spellings)
        raise LayerError(self.name, f"expected a key {expected} in its descriptor, got none")

    def _refusal(self, field: str, expected: str) -> LayerError:
        got = json.dumps(self._value(field))
        return LayerError(self.name, f"expected {expected} as `{SPELLINGS[field][0]}`, got {got}")

    def optional_number(self, field: str) -> int | None:
        """Return an integer, or None where the descriptor says so."""
        value = self._value(field)
        if value is not None and not isinstance(value, int):
            raise self._refusal(field, "an integer or null")
        return value

    def number(self, field: str) -> int:
        """Return an integer."""
        value = self.optional_number(field)
        if value is None:
            raise self._refusal(field, "an integer")
        return int(value)

    def flag(self, field: str) -> bool:
        """Return whether a number is not 0."""
        return self.number(field) != 0

    def pooling(self) -> Pooling | None:
        """Return the max pooling: `[pad, 1 if its stride is 2]`, or a flag and two numbers."""
        value = self._value("pooling")
        if not value:
            return None
        if not isinstance(value, list):
            return Pooling(self.number("pooling_pad"), self.number("pooling_stride"))
        match cast(list[object], value):
            case [int(pad), int(halves)]:
                return Pooling(pad, 2 if halves else 1)
            case _:
                raise self._refusal("pooling", "a pad and a flag")
