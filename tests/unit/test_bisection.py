"""Bisecting finds a difference that was planted, in its layer and in its pass."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

import tf2c
from tf2c.artifact import sha256
from tf2c.bisection import RESULT, compare, passes_between
from tf2c.capture import Runner
from tf2c.compiled import Artifact
from tf2c.dialects import shift
from tf2c.dialects.blob import BlobAttr, saved_blobs
from tf2c.dialects.layers import layer_name
from tf2c.errors import UserError
from tf2c.image_source import ArrayImages
from tf2c.ir_files import print_module
from tf2c.passes import PASSES, STAGES
from tf2c.passes.contract import Contract
from tf2c.passes.shift.convert_int8_to_shift import ConvertInt8ToShiftPass

LAYERS = ["/conv1/Conv", "/conv2/Conv", "/conv3/Conv", "/classifier/Gemm"]

LOWERING = [
    "convert-shift-to-dataflow",
    "fold-first-layer",
    "fuse-branches",
    "order-jobs",
    "choose-planes",
    "choose-splits",
    "allocate-memory",
    "check-placement",
    "prove-accumulators",
]


def flip_sign(module: ModuleOp, layer: str) -> None:
    """Give one weight of a layer the other sign."""
    (constant,) = (
        op for op in module.walk() if isinstance(op, shift.ConstantOp) and layer_name(op) == layer
    )
    codes = constant.value.array.copy()
    place = tuple(np.argwhere(codes != 7)[codes.size // 2])
    codes[place] ^= 8
    constant.value = BlobAttr.of(codes)


def write_module(module: ModuleOp, path: Path) -> str:
    (path.parent / "weights").mkdir(exist_ok=True, parents=True)
    path.write_text(print_module(module))
    for name, contents in saved_blobs(module):
        (path.parent / "weights" / name).write_bytes(contents)
    return str(path)


@pytest.fixture
def stage(nearest_artifact: Artifact) -> Callable[[str], str]:
    return lambda name: f"{nearest_artifact.path}:{name}"


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("executor", ["interpreter", "numpy"])
def test_a_wrong_weight_is_found_in_its_layer(
    layer: str, executor: str, nearest_artifact: Artifact, stage: Any, tmp_path: Path
) -> None:
    module = nearest_artifact.stage("shift")
    flip_sign(module, layer)
    path = write_module(module, tmp_path / "wrong.mlir")
    found = tf2c.bisect(stage("shift"), f"{path}@{executor}", images="random:5")
    assert found.first is not None
    assert found.first.layer == layer
    assert not found.is_identical
    assert not found.passes
    # What runs in front of it is the same, and was compared.
    assert [each.layer for each in found.layers if not each.differences][-1] != layer
    first = found.first
    assert first.index is not None
    assert 0 < abs((first.a or 0) - (first.b or 0)) <= first.largest


def test_the_first_element_that_differs_is_named(stage: Any, tmp_path: Path) -> None:
    images = np.zeros((6, 1, 8, 8), np.float32)
    images[5, 0, 4, 4] = 1
    np.save(tmp_path / "x.npy", images)
    found = tf2c.bisect(stage("int8"), stage("shift"), images=str(tmp_path / "x.npy"))
    assert found.layers[1].layer == "/conv1/Conv"
    image, channel, row, column = found.layers[1].index or []
    assert (image, found.images) == (5, 6)
    # The pixel, and those around it.
    assert found.layers[1].a != found.layers[1].b
    assert 3 <= row <= 5
    assert 3 <= column <= 5
    assert 0 <= channel < 48


@pytest.mark.parametrize("name", [stage.name for stage in STAGES])
def test_a_stage_is_identical_with_itself(name: str, stage: Any) -> None:
    found = tf2c.bisect(stage(name), stage(name))
    assert found.is_identical
    assert (found.first, found.first_pass, found.first_broken_pass) == (None, None, None)
    assert found.layers[-1].layer == RESULT


def test_rounding_the_weights_is_the_first_pass_that_changes_anything(stage: Any) -> None:
    found = tf2c.bisect(stage("int8"), stage("dataflow"))
    assert [each.name for each in found.passes] == [
        "round-weights-to-pow2",
        "prove-accumulators",
        "convert-int8-to-shift",
        "convert-shift-to-dataflow",
        "fold-first-layer",
        "fuse-branches",
        "order-jobs",
        "choose-planes",
        "choose-splits",
        "allocate-memory",
        "check-placement",
        "prove-accumulators",
    ]
    rounding = found.passes[0]
    assert found.first_pass is rounding
    assert rounding.first is not None
    assert rounding.first.layer == "/conv1/Conv"
    assert found.first_broken_pass is None
    assert not any(each.first for each in found.passes[1:])
    assert not found.notes


def test_nothing_changes_below_shift(stage: Any) -> None:
    found = tf2c.bisect(stage("shift"), stage("dataflow"))
    assert found.is_identical
    assert [each.name for each in found.passes] == LOWERING


def test_scales_are_chosen_again_if_there_are_images(digits: Path, stage: Any) -> None:
    calib = str(digits / "calibration")
    found = tf2c.bisect(stage("graph"), stage("int8"), calib=calib, images=calib)
    assert [each.name for each in found.passes] == ["choose-scales", "convert-graph-to-int8"]
    assert found.first_pass is found.passes[1]
    assert not found.notes  # the same bytes came out
    without = tf2c.bisect(stage("graph"), stage("shift"))
    assert without.passes[0].name == "round-weights-to-pow2"
    assert "--calib" in without.notes[0]


@dataclass(frozen=True)
class BrokenPass(ConvertInt8ToShiftPass):
    """As the true one, but for a sign in the second layer."""

    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        super().apply(ctx, op)
        flip_sign(op, "/conv2/Conv")


def test_a_broken_pass_is_named(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PASSES, BrokenPass.name, BrokenPass)
    found = tf2c.bisect(stage("int8"), stage("shift"))
    broken = found.first_broken_pass
    assert broken is not None
    assert broken.first is not None
    assert (broken.name, broken.first.layer) == ("convert-int8-to-shift", "/conv2/Conv")
    assert [each.is_allowed for each in found.passes] == [True, True, False]
    # The artifact was compiled when the pass was whole.
    assert "is not what these passes make" in found.notes[0]


def test_an_artifact_that_was_changed_is_noticed(
    nearest_artifact: Artifact, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(nearest_artifact.path, tmp_path / "net.tf2c"))
    module = nearest_artifact.stage("shift")
    flip_sign(module, "/conv3/Conv")
    write_module(module, folder / "ir" / "shift.mlir")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["ir/shift.mlir"] = sha256((folder / "ir" / "shift.mlir").read_bytes())
    (folder / "manifest.json").write_text(json.dumps(manifest))
    found = tf2c.bisect(f"{folder}:shift", f"{folder}:dataflow")
    assert found.first is not None
    assert found.first.layer == "/conv3/Conv"
    # Its own passes are whole: the files disagree.
    assert found.first_pass is None
    assert "`dataflow` in the artifact is not what" in found.notes[0]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("graph", "int8", ["choose-scales", "convert-graph-to-int8"]),
        ("graph", "graph", []),
        ("int8", "int8", []),
        ("shift", "dataflow", LOWERING),
    ],
)
def test_passes_lie_between_stages(
    first: str, last: str, expected: list[str], nearest_artifact: Artifact
) -> None:
    passes = passes_between(nearest_artifact.manifest.pipeline, first, last)
    assert [each.name for each in passes] == expected


def test_int8_weights_are_proven_in_their_own_stage(digits: Path) -> None:
    artifact = tf2c.compile(digits / "digits.onnx", calib="random:2", weights="int8")
    found = tf2c.bisect(f"{artifact.path}:graph", f"{artifact.path}:int8", calib="random:2")
    assert [each.name for each in found.passes][-1] == "prove-accumulators"
    assert not found.notes


def test_the_form_of_a_side(nearest_artifact: Artifact, tmp_path: Path) -> None:
    place = Path(shutil.copytree(nearest_artifact.path, tmp_path / "a:shift@numpy"))
    found = tf2c.bisect(str(place), f"{place}:int8@numpy")
    assert found.a == f"{place}:dataflow@interpreter"
    assert found.b == f"{place}:int8@numpy"
    # The last stage that an executor runs.
    assert tf2c.bisect(f"{place}@numpy", str(place)).a == f"{place}:shift@numpy"


def test_networks_without_a_common_layer_are_refused(
    nearest_artifact: Artifact, stage: Any, tmp_path: Path
) -> None:
    text = (nearest_artifact.path / "ir" / "shift.mlir").read_text()
    for layer in (*LAYERS, "/pool/MaxPool"):
        text = text.replace(layer, f"{layer}_renamed")
    path = tmp_path / "other.mlir"
    path.write_text(text)
    shutil.copytree(nearest_artifact.path / "ir" / "weights", tmp_path / "weights")
    with pytest.raises(UserError, match="layers of the same names"):
        tf2c.bisect(stage("shift"), str(path))


def test_a_layer_that_took_others_in_matches_the_last_of_them(
    digits: Path, nearest_artifact: Artifact, heldout_images: npt.NDArray[np.float32]
) -> None:
    model = Runner(tf2c.load_onnx(digits / "digits.onnx"))
    graph = Runner(nearest_artifact.stage("graph"))
    found = compare(model, graph, ArrayImages(heldout_images))
    # Normalization, addition and activation became a part of the convolution in front of them.
    assert [each.layer for each in found] == [
        "(input)", "/relu/Relu", "/relu_1/Relu", "/pool/MaxPool", "/relu_2/Relu",
        "/classifier/Gemm", "(result)",
    ]  # fmt: skip
    assert all(each.relative < 1e-5 for each in found)
