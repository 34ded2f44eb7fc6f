"""Networks of TF2: what its own engine computed, and a naive engine's extremes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import naive_tf2
import numpy as np
import numpy.typing as npt
import pytest
from conftest import tf2_golden_file
from naive_tf2 import Descriptor, Growth
from xdsl.parser import Parser

from tf2c.dialects import int8, shift
from tf2c.dialects.blob import reachable_blobs
from tf2c.errors import UserError
from tf2c.frontends.tf2 import from_golden, weight_bytes_of
from tf2c.interpreters import run_all
from tf2c.ir_files import new_context, print_module
from tf2c.passes.pipeline import PassPipeline

Array = npt.NDArray[Any]


def differing(results: tuple[Array, ...], expected: list[Array]) -> list[int]:
    """Return the layers of which an element differs."""
    return [
        layer
        for layer, (result, wanted) in enumerate(zip(results, expected, strict=True))
        if result.dtype != wanted.dtype or not np.array_equal(result, wanted)
    ]


def written(growth: Growth, path: Path, spell: Callable[[Descriptor], Descriptor] = dict) -> Path:
    """Write a grown network with what the naive engine makes of it."""
    maps = naive_tf2.run(growth.layers, growth.arrays)
    arrays = {**growth.arrays, **{f"y{index}": each for index, each in enumerate(maps)}}
    naive_tf2.save(path, json.dumps([spell(layer) for layer in growth.layers]), arrays)
    return path


@pytest.mark.parametrize(
    "name", ["tiny_typical_seed0.npz", "tiny_typical_seed1.npz", "googlenet_seed4.npz"]
)
def test_every_element_is_that_of_tf2s_engine(name: str) -> None:
    module, inputs, expected = from_golden(tf2_golden_file(name))

    assert not differing(run_all(module, inputs), expected)


def test_text_of_googlenet_is_the_same_network() -> None:
    module, _, _ = from_golden(tf2_golden_file("googlenet_seed4.npz"))
    context, text = new_context(), print_module(module)

    parsed = Parser(context, text).parse_module()
    parsed.verify()

    assert print_module(parsed) == text
    assert set(reachable_blobs(parsed)) == set(reachable_blobs(module))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("spell", [dict, naive_tf2.respelled], ids=["short", "long"])
def test_branches_with_extreme_numbers(
    seed: int, spell: Callable[[Descriptor], Descriptor], tmp_path: Path
) -> None:
    path = written(naive_tf2.branching_network(seed), tmp_path / "net.npz", spell)

    module, inputs, expected = from_golden(path)

    assert not differing(run_all(module, inputs), expected)


@pytest.mark.parametrize("seed", range(6))
def test_averages_with_extreme_numbers(seed: int, tmp_path: Path) -> None:
    path = written(naive_tf2.averaging_network(seed), tmp_path / "net.npz")

    module, inputs, expected = from_golden(path)

    assert not differing(run_all(module, inputs), expected)


@pytest.mark.parametrize("seed", range(6))
def test_exponents_and_tables_become_bytes(seed: int, tmp_path: Path) -> None:
    """Any tables will do; where they contradict the addition, integers stand for themselves."""
    growth = naive_tf2.branching_network(seed)
    exponents: dict[str, Array] = {}
    for index, layer in enumerate(growth.layers):
        if layer["ip"]:
            continue
        weights = growth.random.choice([0x00, 0x80, 0x40], growth.arrays[f"codes{index}"].shape)
        weights = (weights | growth.random.integers(0, 15, weights.shape)).astype(np.uint8)
        before, after = (
            np.array(growth.random.integers(-9, 9, layer[side]), np.int8) for side in "CN"
        )
        growth.arrays[f"codes{index}"] = weight_bytes_of(weights, before, after)
        exponents |= {f"wexp{index}": weights, f"qin{index}": before, f"qout{index}": after}
    maps = naive_tf2.run(growth.layers, growth.arrays)
    arrays = {name: each for name, each in growth.arrays.items() if not name.startswith("codes")}
    arrays |= exponents | {f"y{index}": each for index, each in enumerate(maps)}
    naive_tf2.save(tmp_path / "net.npz", json.dumps(growth.layers), arrays)

    module, inputs, expected = from_golden(tmp_path / "net.npz")

    assert not differing(run_all(module, inputs), expected)


def test_results_have_the_scales_of_the_tables(tmp_path: Path) -> None:
    growth = naive_tf2.averaging_network(0)
    for index, layer in enumerate(growth.layers):
        growth.arrays[f"qout{index}"] = np.arange(layer["N"], dtype=np.int8)
    growth.arrays["q_in"] = np.array([3, 5], np.int8)

    module, _, _ = from_golden(written(growth, tmp_path / "net.npz"))

    text = print_module(module)
    assert "tensor<?x2x7x7xi8, #int8.pow2<[3, 5], axis = 1>>" in text
    assert "-> tensor<?x3x7x7xi32, #int8.pow2<[-15, -14, -13], axis = 1>>" in text
    assert "-> tensor<?x3x7x7xi8, #int8.pow2<[0, 1, 2], axis = 1>>" in text


def test_engine_refuses_by_layer_name(tmp_path: Path) -> None:
    module, _, _ = from_golden(written(naive_tf2.averaging_network(0), tmp_path / "net.npz"))

    with pytest.raises(UserError, match=r"^layer `layer 0`: the engine's lanes take weight codes"):
        PassPipeline("convert-shift-to-dataflow").run(module)


def test_ops_are_those_of_tf2(tmp_path: Path) -> None:
    module, _, _ = from_golden(written(naive_tf2.branching_network(0), tmp_path / "net.npz"))
    ops = list(module.walk())

    assert all(op.negates_in_8_bits is not None for op in ops if isinstance(op, shift.ConvOp))
    assert all(op.zero_padded is not None for op in ops if isinstance(op, int8.MaxPoolOp))


def broken(change: Callable[[list[Descriptor], dict[str, Any]], object]) -> Callable[[Path], Path]:
    """Return what writes the averaging network after a change of descriptors and arrays."""

    def write(path: Path) -> Path:
        growth = naive_tf2.averaging_network(0)
        maps = naive_tf2.run(growth.layers, growth.arrays)
        arrays: dict[str, Any] = growth.arrays | {f"y{i}": each for i, each in enumerate(maps)}
        change(growth.layers, arrays)
        naive_tf2.save(path, json.dumps(growth.layers), arrays)
        return path

    return write


BROKEN: dict[str, tuple[Callable[[list[Descriptor], dict[str, Any]], object], str]] = {
    "no input": (lambda layers, arrays: arrays.pop("x_in"), "expected an array `x_in`, got none"),
    "no map": (lambda layers, arrays: arrays.pop("y2"), "expected an array `y2`, got none"),
    "no weight": (
        lambda layers, arrays: arrays.pop("codes1"),
        "expected an array `codes1` or `wexp1`, got neither",
    ),
    "no alpha": (
        lambda layers, arrays: arrays.pop("alpha3"),
        "expected an array `alpha3`, got none",
    ),
    "no table": (
        lambda layers, arrays: arrays.update(wexp1=arrays.pop("codes1")),
        "expected an array `qin1`, got none",
    ),
    "short table": (
        lambda layers, arrays: arrays.update(
            wexp1=arrays.pop("codes1"), qin1=np.zeros(3, np.int8), qout1=np.zeros(16, np.int8)
        ),
        "expected 2 exponents in `qin1`, got 3",
    ),
    "weight of another shape": (
        lambda layers, arrays: arrays.update(codes1=arrays["codes1"][:, :1]),
        "layer `layer 1`: expected weights of (16, 2, 1, 1), got (16, 1, 1, 1)",
    ),
    "weight of another type": (
        lambda layers, arrays: arrays.update(codes1=arrays["codes1"].astype(np.int8)),
        "expected `codes1` of uint8 and rank 4, got int8 and rank 4",
    ),
    "bias of another shape": (
        lambda layers, arrays: arrays.update(bias1=arrays["bias1"][1:]),
        "layer `layer 1`: expected `bias` of int32 16, got int32 15",
    ),
    "exponents of another number": (
        lambda layers, arrays: arrays.update(qout1=np.zeros(3, np.int8)),
        "layer `layer 1`: expected 16 exponents, got 3",
    ),
    "exponents of the input": (
        lambda layers, arrays: arrays.update(q_in=np.zeros(4, np.int8)),
        "expected 2 exponents in `q_in`, got 4",
    ),
    "unknown key": (
        lambda layers, arrays: layers[1].pop("st"),
        "layer `layer 1`: expected a key `st` or `stride` in its descriptor, got none",
    ),
    "no number": (
        lambda layers, arrays: layers[1].update(C="two"),
        'layer `layer 1`: expected an integer or null as `C`, got "two"',
    ),
    "no pooling": (
        lambda layers, arrays: layers[1].update(pool=[1]),
        "layer `layer 1`: expected a pad and a flag as `pool`, got [1]",
    ),
    "page that is not written": (
        lambda layers, arrays: layers[0].update(rd=3),
        "layer `layer 0`: expected 2 channels on page 3, got none written at 0",
    ),
    "page with a gap": (
        lambda layers, arrays: layers[1].update(ns=16),
        "layer `layer 3`: expected 16 channels on page 3, got none written at 0",
    ),
    "page of other sizes": (
        lambda layers, arrays: layers[3].update(end=0),
        "layer `layer 4`: expected channels of 1x1 on page 1, got 7x7 at 16",
    ),
    "first channel between vectors": (
        lambda layers, arrays: layers[3].update(ns=8),
        "layer `layer 3`: expected a first channel that is a multiple of 16, got 8",
    ),
    "map of another size": (
        lambda layers, arrays: layers[1].update(ph=6),
        "layer `layer 1`: expected a map of 7x7, got 6x7",
    ),
    "pooling that leaves over": (
        lambda layers, arrays: layers[1].update(pool=[0, 1], ph=2, pw=3),
        "layer `layer 1`: expected a pooling of 7x7 to use it all, got a map of 2x3",
    ),
    "stride in front of a pooling": (
        lambda layers, arrays: layers[1].update(pool=[0, 1], st=2),
        "layer `layer 1`: expected a stride of 1 in front of a pooling, whose own may be 2",
    ),
    "pooling with a large pad": (
        lambda layers, arrays: layers[1].update(pool=[2, 1]),
        "layer `layer 1`: expected a pooling with a pad of 0 or 1 and a stride of 1 or 2, got 2 "
        "and 2",
    ),
    "average of another size": (
        lambda layers, arrays: layers[4].update(end=1),
        "layer `layer 4`: expected a map of 7x7 to average, got 1x1",
    ),
    "addition of a later layer": (
        lambda layers, arrays: layers[1].update(res=1),
        "layer `layer 1`: expected a layer in front of it to add, got layer 1",
    ),
    "addition of another size": (
        lambda layers, arrays: layers[1].update(res=0),
        "layer `layer 1`: expected layer 0 to have a map of 16x7x7 to add, got 3x7x7",
    ),
    "pooling that changes channels": (
        lambda layers, arrays: layers[0].update(ip=1, pool=[1, 0]),
        "layer `layer 0`: expected a pooling to keep 2 channels, got 3",
    ),
    "no layers": (
        lambda layers, arrays: layers.clear(),
        "expected a network with layers, got none",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_does_not_fit_is_refused(name: str, tmp_path: Path) -> None:
    change, message = BROKEN[name]
    path = broken(change)(tmp_path / "net.npz")

    with pytest.raises(UserError) as refusal:
        from_golden(path)

    assert str(refusal.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("contents", "message"),
    [(b"", "expected an .npz file"), (b"PK\x03\x04 torn", "expected an .npz file")],
)
def test_other_files_are_refused(contents: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    path.write_bytes(contents)

    with pytest.raises(UserError, match=message):
        from_golden(path)
    with pytest.raises(UserError, match=message):
        from_golden(tmp_path / "absent.npz")


@pytest.mark.parametrize(
    ("net", "message"),
    [("[", "expected JSON in `net`"), ("[1]", "expected a list of layer descriptors in `net`")],
)
def test_other_descriptors_are_refused(net: str, message: str, tmp_path: Path) -> None:
    naive_tf2.save(tmp_path / "net.npz", net, {})

    with pytest.raises(UserError, match=message):
        from_golden(tmp_path / "net.npz")


def test_file_without_descriptors_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", x=np.zeros(1))

    with pytest.raises(UserError, match="expected an entry `net`, got none"):
        from_golden(tmp_path / "net.npz")
    np.save(tmp_path / "net.npy", np.zeros(1))
    with pytest.raises(UserError, match=r"expected an \.npz file"):
        from_golden(tmp_path / "net.npy")
