"""`tf2c.retrain`: from a model and images to IR on which rounding has nothing left to do."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from unit.learning.small_network import labeled_images, write_model

import tf2c
from tf2c.compiled import Artifact
from tf2c.dialects import graph, shift
from tf2c.dialects.layers import layer_name
from tf2c.errors import UserError
from tf2c.ir_files import print_module, read_module
from tf2c.numerics import pow2
from tf2c.retraining import Retrained

OPTIONS: dict[str, Any] = {"epochs": 1, "learning_rate": 0.02, "threads": 1}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small model, with `images/` and `labels.csv` beside it."""
    (tmp_path / "images").mkdir()
    images, labels = labeled_images()
    pixels = np.clip(64 * images[:, 0] + 128, 0, 255).astype(np.uint8)
    lines = ["file,label"]
    for index, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        Image.fromarray(image).save(tmp_path / "images" / f"{index:02}.png")
        lines.append(f"{index:02}.png,{label}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    return write_model(tmp_path / "net.onnx")


def retrained(model: Path, **options: Any) -> Retrained:
    return tf2c.retrain(model, images=model.parent / "images", **{**OPTIONS, **options})


def test_the_result_is_written_and_returned(model: Path) -> None:
    output = model.parent / "out.mlir"
    result = retrained(model, labels=model.parent / "labels.csv", output=output)
    assert print_module(read_module(output)) == print_module(result.module)
    assert result.outcome.original.accuracy < 100


def real_weights(artifact: Artifact) -> dict[str, npt.NDArray[np.float64]]:
    """The weights that an artifact runs, by layer."""
    found: dict[str, npt.NDArray[np.float64]] = {}
    for op in artifact.stage("shift").walk():
        if isinstance(op, shift.ConvOp | shift.GemmOp):
            assert isinstance(op.weight.owner, shift.ConstantOp)
            codes = op.weight.owner.value.array
            levels = pow2.decode(codes, shift.code_terms(op.weight)).astype(np.float64)
            scale = shift.code_scale(op.weight).broadcast(levels.ndim)
            found[layer_name(op)] = np.ldexp(levels, scale)
    return found


def trained_weights(result: Retrained) -> dict[str, npt.NDArray[np.float32]]:
    found: dict[str, npt.NDArray[np.float32]] = {}
    for op in result.module.walk():
        if isinstance(op, graph.LayerOp):
            assert isinstance(op.weight.owner, graph.ConstantOp)
            found[layer_name(op)] = op.weight.owner.value.array
    return found


@pytest.mark.parametrize("labels", ["labels.csv", None])
def test_compiling_rounds_no_weight(labels: str | None, model: Path) -> None:
    output = model.parent / "out.mlir"
    named = None if labels is None else model.parent / labels
    result = retrained(model, labels=named, output=output)
    artifact = tf2c.compile(
        output,
        calib=model.parent / "images",
        method="nearest",
        weights="shift1",
        channels="shared",
    )
    expected, found = trained_weights(result), real_weights(artifact)
    assert list(found) == list(expected) == ["conv", "scores"]
    for layer, weights in expected.items():
        np.testing.assert_array_equal(found[layer], weights)


def test_the_seed_decides_the_order_of_the_images(model: Path) -> None:
    one, same, other = (retrained(model, seed=seed) for seed in (0, 0, 1))
    assert print_module(one.module) == print_module(same.module) != print_module(other.module)


def test_an_interrupted_training_resumes(model: Path) -> None:
    labels, checkpoint = model.parent / "labels.csv", model.parent / "training.pt"
    expected = retrained(model, labels=labels)

    def interrupt(what: str, done: int, total: int) -> None:
        assert done <= total == len(labeled_images()[0])
        if what == "epoch 3":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retrained(model, labels=labels, checkpoint=checkpoint, progress=interrupt)
    resumed = retrained(model, labels=labels, checkpoint=checkpoint)
    assert print_module(resumed.module) == print_module(expected.module)
    assert resumed.outcome == expected.outcome


def test_any_loader_will_do(model: Path) -> None:
    images, labels = labeled_images()
    watched: list[tuple[str, int, int]] = []
    result = tf2c.retrain(
        model,
        images=lambda epoch: [(images, labels)],
        progress=lambda what, done, total: watched.append((what, done, total)),
        **OPTIONS,
    )
    assert len(trained_weights(result)) == 2
    assert watched[0] == ("float", len(images), len(images))


def test_a_loader_brings_its_own_labels(model: Path) -> None:
    with pytest.raises(UserError, match="labels from the loader"):
        tf2c.retrain(model, images=lambda epoch: [], labels=model.parent / "labels.csv", **OPTIONS)


def test_a_retrained_network_can_be_retrained(model: Path) -> None:
    output = model.parent / "out.mlir"
    retrained(model, output=output)
    again = tf2c.retrain(output, images=model.parent / "images", **OPTIONS)
    assert len(trained_weights(again)) == 2


def test_without_pytorch_it_says_what_to_install(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_nothing(name: str) -> None:
        assert name == "torch"

    monkeypatch.setattr("tf2c.learning.find_spec", find_nothing)
    with pytest.raises(UserError, match="expected PyTorch for retraining, got none") as refused:
        retrained(model)
    assert refused.value.hint == "run `pip install 'tf2c[torch]'`"


def test_a_missing_folder_of_the_output_is_refused_before_training(model: Path) -> None:
    with pytest.raises(UserError, match=r"absent.out.mlir: cannot be written"):
        retrained(model, output=model.parent / "absent" / "out.mlir")


def test_importing_tf2c_imports_no_pytorch() -> None:
    script = (
        "import sys, tf2c, tf2c.api, tf2c.cli.main; tf2c.retrain; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
