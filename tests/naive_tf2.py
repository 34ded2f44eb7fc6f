"""TF2's engine in plain loops, and small networks for it with extreme numbers.

Written from what is known of the engine (one weight byte after the other, a cache of pages, columns
that are computed and dropped again), importing nothing of `tf2c`, so that a mistake there cannot
hide here. Slow on purpose.
"""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Descriptor = dict[str, Any]
Arrays = dict[str, Array]

EXTREMES = [-(2**31), -(2**31) + 1, -1, 0, 1, 2**20, -(2**20), 2**30, 2**31 - 1]

OTHER_SPELLINGS = {
    "st": "stride",
    "ip": "ipool",
    "res": "add_from",
    "ar": "add_relu",
    "end": "avgpool",
    "rd": "cache_read",
    "wr": "cache_write",
    "ns": "nstart",
    "cw": "cache_write_enable",
    "ph": "out_h",
    "pw": "out_w",
}


def wrap(number: int, bits: int) -> int:
    """Return what a register of so many bits holds."""
    return (number + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


def clamp(number: int) -> int:
    return max(-128, min(127, number))


def multiply(pixel: int, byte: int) -> int:
    if byte & 0x40:
        return 0
    if byte & 0x80:
        pixel = wrap(-pixel, 8)
    return wrap(pixel << (byte & 31), 32)


def convert(register: int, alpha: int, beta: int, relu: bool) -> int:
    scaled = wrap((register * alpha) >> 20, 32)
    rounded = ((wrap(scaled + beta, 32) >> 14) + 1) >> 1
    return max(clamp(rounded), 0) if relu else clamp(rounded)


def pixel_of(image: Array, c: int, y: int, x: int) -> int:
    inside = 0 <= y < image.shape[1] and 0 <= x < image.shape[2]
    return int(image[c, y, x]) if inside else 0


def convolve(layer: Descriptor, image: Array, arrays: Arrays, index: int) -> Array:
    """Compute every row and column, convert, and drop those that a stride leaves out."""
    codes = arrays[f"codes{index}"]
    bias, alpha, beta = (arrays[f"{what}{index}"] for what in ("bias", "alpha", "beta"))
    kernel, pad = layer["K"], layer["pad"]
    height, width = (side + 2 * pad - kernel + 1 for side in image.shape[1:])
    stored = np.empty((layer["N"], height, width), np.int8)
    for n, i, j in np.ndindex(stored.shape):
        register = int(bias[n])
        for c, r, s in itertools.product(range(layer["C"]), range(kernel), range(kernel)):
            pixel = pixel_of(image, c, i + r - pad, j + s - pad)
            register = wrap(register + multiply(pixel, int(codes[n, c, r, s])), 32)
        stored[n, i, j] = convert(register, int(alpha[n]), int(beta[n]), bool(layer["relu"]))
    return stored[:, :: layer["st"], :: layer["st"]]


def pool(layer: Descriptor, image: Array) -> Array:
    pad, halves = layer["pool"]
    step = 2 if halves else 1
    pooled = np.empty((len(image), layer["ph"], layer["pw"]), np.int8)
    for c, i, j in np.ndindex(pooled.shape):
        rows, columns = (
            range(i * step - pad, i * step - pad + 3),
            range(j * step - pad, j * step - pad + 3),
        )
        pooled[c, i, j] = max(pixel_of(image, c, y, x) for y in rows for x in columns)
    return pooled


def add(layer: Descriptor, image: Array, other: Array) -> Array:
    summed: Array = np.empty(image.shape, np.int8)
    for index in np.ndindex(*image.shape):
        total = clamp(int(image[index]) + int(other[index]))
        summed[index] = max(total, 0) if layer["ar"] else total
    return summed


def average(image: Array) -> Array:
    means = np.empty((len(image), 1, 1), np.int8)
    for c in range(len(image)):
        total = sum(int(pixel) for pixel in image[c].flat)
        means[c] = clamp((((total * 669) >> 14) + 1) >> 1)
    return means


def run(layers: list[Descriptor], arrays: Arrays) -> list[Array]:
    """Compute the map of every layer."""
    pages: dict[int, dict[int, Array]] = {1: dict(enumerate(arrays["x_in"]))}
    maps: list[Array] = []
    for index, layer in enumerate(layers):
        image: Array = np.stack([pages[layer["rd"]][c] for c in range(layer["C"])])
        assert image.shape[1:] == (layer["H"], layer["W"])
        result: Array = image if layer["ip"] else convolve(layer, image, arrays, index)
        if layer["pool"]:
            result = pool(layer, result)
        if layer["res"] is not None:
            result = add(layer, result, maps[int(layer["res"])])
        maps.append(result)
        if layer["cw"]:
            page = pages.setdefault(layer["wr"], {})
            written = average(result) if layer["end"] else result
            page.update({layer["ns"] + c: written[c] for c in range(len(written))})
    return maps


class Growth:
    """A network that grows layer by layer, with extreme weights."""

    def __init__(self, seed: int, channels: int, height: int, width: int) -> None:
        self.random = np.random.default_rng(seed)
        image = self.random.integers(-128, 128, (channels, height, width))
        ends = self.random.choice([-128, 127], image.shape)
        image = np.where(self.random.random(image.shape) < 0.3, ends, image)
        self.arrays: Arrays = {"x_in": image.astype(np.int8)}
        self.layers: list[Descriptor] = []

    def layer(
        self, channels: int, height: int, width: int, filters: int, **others: Any
    ) -> Descriptor:
        """Add a layer; what is not said is as plain as can be."""
        index = len(self.layers)
        layer: Descriptor = {
            **{"C": channels, "H": height, "W": width, "N": filters, "K": 1, "pad": 0, "st": 1},
            **{"relu": int(self.random.integers(2)), "pool": None, "ip": 0, "res": None, "ar": 0},
            **{"end": 0, "rd": 1, "wr": 2, "ns": 0, "cw": 1},
            **others,
        }
        sides = [side + 2 * layer["pad"] - layer["K"] + 1 for side in (height, width)]
        sides = [-(-side // layer["st"]) for side in sides]
        if layer["pool"]:
            pad, halves = layer["pool"]
            # Rounded up: the last window may reach over the end.
            sides = [-(-(side + 2 * pad - 3) // (1 + halves)) + 1 for side in sides]
        layer["ph"], layer["pw"] = sides
        self.layers.append(layer)
        if not layer["ip"]:
            shape = (filters, channels, layer["K"], layer["K"])
            self.arrays[f"codes{index}"] = self.random.integers(0, 256, shape).astype(np.uint8)
            for what in ("bias", "alpha", "beta"):
                self.arrays[f"{what}{index}"] = self.numbers(what, filters)
        return layer

    def numbers(self, what: str, count: int) -> Array:
        """Return extreme numbers, and some that leave more than saturation."""
        usual = self.random.integers(-2000, 2000, count) if what == "alpha" else 0
        extreme = self.random.choice(EXTREMES, count)
        return np.where(self.random.random(count) < 0.5, usual, extreme).astype(np.int32)


def branching_network(seed: int) -> Growth:
    """Grow pooling, stride, a residual that is on no page, two branches, a pooling by itself."""
    draw = np.random.default_rng(seed)
    channels, height, width = (
        int(draw.integers(low, high)) for low, high in ((1, 4), (6, 9), (6, 9))
    )
    growth = Growth(seed, channels, height, width)
    kernel = int(draw.choice([1, 3, 5]))
    pooling = [[0, 1], [1, 1], [1, 0], [0, 0], None][int(draw.integers(5))]
    first = growth.layer(channels, height, width, 3, K=kernel, pad=kernel // 2, pool=pooling)
    stride, shape = int(draw.integers(1, 3)), (3, first["ph"], first["pw"])
    growth.layer(*shape, 16, rd=2, cw=0, st=stride)
    growth.layer(*shape, 16, rd=2, wr=3, K=3, pad=1, st=stride, res=1, ar=int(draw.integers(2)))
    last = growth.layer(*shape, 4, rd=2, wr=3, ns=16, st=stride)
    sides = (last["ph"], last["pw"])
    growth.layer(20, *sides, 20, rd=3, wr=1, ip=1, pool=[1, 0], relu=1)
    growth.layer(20, *sides, 2, rd=1)
    growth.layer(17, *sides, 2, rd=3, wr=1, cw=0)
    return growth


def averaging_network(seed: int) -> Growth:
    """Grow two averaged branches, over part of what the page held, and a fully connected layer."""
    growth = Growth(seed, 2, 7, 7)
    growth.layer(2, 7, 7, 3, wr=2)
    growth.layer(2, 7, 7, 16, wr=3)
    growth.layer(3, 7, 7, 16, rd=2, wr=1, end=1)
    growth.layer(16, 7, 7, 5, rd=3, wr=1, ns=16, end=1, relu=0)
    growth.layer(21, 1, 1, 9, rd=1, wr=2, cw=0)
    return growth


def respelled(layer: Descriptor) -> Descriptor:
    """Return a descriptor in the other spelling."""
    other = {OTHER_SPELLINGS.get(key, key): value for key, value in layer.items()}
    pad, halves = layer["pool"] or (0, 0)
    return {
        **other,
        **{"pool": int(layer["pool"] is not None), "pool_pad": pad, "pool_stride": 1 + halves},
    }


def save(path: Path, net: str, arrays: Arrays) -> None:
    """Write a golden file."""
    entries: dict[str, Any] = {"net": np.array(net), **arrays}
    np.savez(path, **entries)
