"""Image files to accuracy: preprocessing, damaged files, labels, notes, progress."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import helper
from PIL import Image
from unit.onnx_models import build_model, random_weights, save_model

import tf2c
from tf2c.api import NO_PREPROCESSING_NOTE, evaluate
from tf2c.cli.main import cli
from tf2c.frontends.preprocessing import PRESETS, Preprocessing
from tf2c.ir_files import read_module
from tf2c.measurement import EVALUATION_BATCH, class_scores

CLASSES = 1001
IMAGES = 40
"""More than a batch."""


def save_network(path: Path) -> Path:
    """Write a small classifier of images of 12x12 pixels."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", strides=[4, 4]),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("Flatten", ["r"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "v"], ["y"], name="scores"),
    ]
    weights = {
        "w": random_weights(0, 8, 3, 4, 4),
        "v": random_weights(1, 72, CLASSES),
    }
    inputs = [("x", ("batch", 3, 12, 12))]
    return save_model(path, build_model(nodes, weights, inputs=inputs))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`net.onnx`, `photos/` with folders in it, `labels.csv` and `list.txt`."""
    folder = tmp_path_factory.mktemp("photos")
    save_network(folder / "net.onnx")
    generator = np.random.default_rng(0)
    names: list[str] = []
    for index in range(IMAGES):
        extents = (*generator.integers(15, 40, 2), 3)
        pixels = generator.integers(0, 256, extents, np.uint8)
        names.append(f"{'bird' if index % 2 else 'cat'}/{index:02d}.png")
        (folder / "photos" / names[-1]).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / "photos" / names[-1])
    rows = [f"{name},{index}" for index, name in enumerate(names)]
    (folder / "labels.csv").write_text("\n".join(["file,label", *rows, ""]))
    (folder / "list.txt").write_text("".join(f"photos/{name}\n" for name in names[:7]))
    return folder


@pytest.fixture(scope="module")
def artifact(folder: Path) -> tf2c.Artifact:
    return tf2c.compile(
        folder / "net.onnx",
        calib=folder / "photos",
        preprocess="imagenet",
        output=folder / "net.tf2c",
    )


def labeled(folder: Path) -> dict[str, Any]:
    return {"images": folder / "photos", "labels": folder / "labels.csv"}


def run_cli(
    capsys: pytest.CaptureFixture[str], command: str, **paths: Path
) -> tuple[str, list[str]]:
    """Run a command in this process; return stdout and the lines of stderr."""
    arguments = shlex.split(command.format(**paths))
    cli.main(arguments, standalone_mode=False)
    stdout, stderr = capsys.readouterr()
    return stdout, stderr.splitlines()


def test_the_preprocessing_is_stored(artifact: tf2c.Artifact) -> None:
    assert artifact.manifest.preprocessing == PRESETS["imagenet"].as_dict()
    assert tf2c.load(artifact.path).preprocessing == PRESETS["imagenet"]


def test_the_stored_preprocessing_is_the_default(folder: Path, artifact: tf2c.Artifact) -> None:
    stored = evaluate(artifact.path, **labeled(folder), agreement=True)
    stated = evaluate(artifact.path, **labeled(folder), preprocess="imagenet", agreement=True)
    for result in (stored, stated):
        del result["seconds"]
    assert stored == stated


def test_another_preprocessing_can_be_stated(folder: Path, artifact: tf2c.Artifact) -> None:
    def scores(preprocess: str | Preprocessing) -> Any:
        result = evaluate(
            artifact.path, **labeled(folder), preprocess=preprocess, executor="float", limit=5
        )
        return result["top5"]

    # The small ones are only usable if resized.
    with pytest.raises(tf2c.UserError, match="expected 12x12 pixels"):
        scores("unit")
    assert scores(PRESETS["caffe"]) >= 0


def test_runs_take_the_stored_preprocessing(folder: Path, artifact: tf2c.Artifact) -> None:
    images = artifact.images(folder / "list.txt")
    (inputs,) = images.batches(9)
    np.testing.assert_array_equal(artifact.run(images), artifact.run(inputs))
    assert inputs.min() < -1 < 1 < inputs.max()


def test_a_list_is_the_images_that_it_names(folder: Path, tmp_path: Path) -> None:
    for line in (folder / "list.txt").read_text().splitlines():
        (tmp_path / line).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / line, tmp_path / line)
    (tmp_path / "list.txt").write_text("\n".join(sorted((folder / "list.txt").read_text().split())))
    listed, copied = (
        tf2c.compile(folder / "net.onnx", calib=calib, preprocess="imagenet", to="int8")
        for calib in (tmp_path / "list.txt", tmp_path / "photos")
    )
    assert listed.manifest == copied.manifest


def test_calibration_names_what_it_skips(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder / "photos" / "cat", tmp_path / "cat")
    (tmp_path / "cat" / "02.png").write_bytes(b"damaged")
    whole = (tmp_path / "cat" / "04.png").read_bytes()
    (tmp_path / "cat" / "04.png").write_bytes(whole[: len(whole) // 2])
    command = "compile {net} --calib {calib} --preprocess imagenet --to int8 -o {output}"
    paths = {"net": folder / "net.onnx", "calib": tmp_path, "output": tmp_path / "net.tf2c"}
    _, lines = run_cli(capsys, command, **paths)
    skipped = (
        "skipped 2 of 20 images that cannot be used: cat/02.png (a file that does not open), "
        "cat/04.png (a file that does not open)"
    )
    assert lines == [f"note: {skipped}"]
    assert tf2c.load(tmp_path / "net.tf2c").manifest.notes == [skipped]


def test_skipping_is_like_not_having_them(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "photos" / "cat", tmp_path / "cat")

    def files() -> dict[str, str]:
        compiled = tf2c.compile(folder / "net.onnx", calib=tmp_path, preprocess="caffe", check=True)
        return compiled.manifest.files

    (tmp_path / "cat" / "00.png").write_bytes(b"damaged")
    skipped = files()
    (tmp_path / "cat" / "00.png").unlink()
    assert files() == skipped


def test_arrays_state_no_preprocessing(folder: Path, tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).normal(size=(4, 3, 12, 12))
    np.save(tmp_path / "x.npy", inputs)

    def stored(**options: Any) -> dict[str, Any]:
        compiled = tf2c.compile(folder / "net.onnx", calib=tmp_path / "x.npy", **options)
        return compiled.manifest.preprocessing

    assert stored() == {}
    assert stored(preprocess="imagenet") == PRESETS["imagenet"].as_dict()
    assert stored(label_offset=1) == Preprocessing(label_offset=1).as_dict()
    assert stored(preprocess="imagenet", **labeled(folder)) == PRESETS["imagenet"].as_dict()


def test_pixels_through_an_artifact_without_preprocessing_are_noted(
    digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tf2c.compile(digits / "digits.onnx", calib="random:8", output=tmp_path / "net.tf2c")
    paths = {"net": tmp_path / "net.tf2c", "digits": digits}
    noted = [f"note: {NO_PREPROCESSING_NOTE}"]
    evaluation = "eval {net} --images {digits}/heldout --labels {digits}/heldout.csv --limit 3"
    assert run_cli(capsys, evaluation, **paths)[1] == noted
    assert run_cli(capsys, f"{evaluation} --preprocess unit", **paths)[1] == []
    assert run_cli(capsys, "run {net} {digits}/calibration", **paths)[1] == noted


def background_notes(folder: Path, **options: Any) -> list[str]:
    notes: list[str] = []
    evaluate(
        folder / "net.onnx",
        **labeled(folder),
        preprocess="tensorflow",
        limit=2,
        note=notes.append,
        **options,
    )
    return notes


def test_a_background_class_is_suspected(folder: Path) -> None:
    (note,) = background_notes(folder)
    assert note.startswith("the network has 1001 classes and no label is 1000")
    assert "--label-offset 1" in note


def test_a_stated_offset_is_not_suspected(folder: Path) -> None:
    assert background_notes(folder, label_offset=1) == []


def test_compiling_suspects_a_background_class_as_well(folder: Path) -> None:
    def notes(offset: int | None) -> list[str]:
        compiled = tf2c.compile(
            folder / "net.onnx",
            calib=folder / "list.txt",
            to="graph",
            preprocess="imagenet",
            label_offset=offset,
            **labeled(folder),
        )
        return compiled.manifest.notes

    assert notes(None)[0].startswith("the network has 1001 classes")
    assert notes(1) == []


def test_the_offset_is_added_to_the_labels(folder: Path, tmp_path: Path) -> None:
    moved = [
        f"{name},{int(label) + 3}"
        for name, label in (
            line.split(",") for line in (folder / "labels.csv").read_text().splitlines()[1:]
        )
    ]
    (tmp_path / "moved.csv").write_text("\n".join(["file,label", *moved]))
    options: Any = {"images": folder / "photos", "preprocess": "imagenet"}
    expected = evaluate(folder / "net.onnx", labels=folder / "labels.csv", **options)
    offset = evaluate(
        folder / "net.onnx", labels=tmp_path / "moved.csv", label_offset=-3, **options
    )
    assert (offset["top1"], offset["top5"]) == (expected["top1"], expected["top5"])


def true_classes(scores: npt.NDArray[np.floating]) -> list[int]:
    return [int(each) for each in scores.argmax(axis=1)]


def test_accuracy_and_agreement_are_those_of_the_scores(
    folder: Path, artifact: tf2c.Artifact, tmp_path: Path
) -> None:
    """The labels are the float network's answers: accuracy and agreement are the same."""
    names = sorted(each.split(",")[0] for each in (folder / "labels.csv").read_text().split()[1:])
    (inputs,) = artifact.images(folder / "photos").batches(IMAGES)
    answers = true_classes(class_scores(read_module(artifact.path / "ir/graph.mlir"), inputs))
    rows = [f"{name},{answer}" for name, answer in zip(names, answers, strict=True)]
    (tmp_path / "answers.csv").write_text("\n".join(["file,label", *rows]))
    options: Any = {"images": folder / "photos", "labels": tmp_path / "answers.csv"}
    exact = true_classes(artifact.run(inputs))
    share = 100 * sum(a == b for a, b in zip(exact, answers, strict=True)) / IMAGES

    floating = evaluate(artifact.path, executor="float", agreement=True, **options)
    assert (floating["top1"], floating["agreement"]) == (100, 100)
    result = evaluate(artifact.path, agreement=True, **options)
    assert list(result) == ["top1", "top5", "n", "executor", "seconds", "layers", "agreement"]
    assert (result["top1"], result["agreement"], result["n"]) == (share, share, IMAGES)


def test_a_model_runs_in_float_by_default(folder: Path) -> None:
    result = evaluate(folder / "net.onnx", **labeled(folder), preprocess="imagenet")
    assert (result["executor"], result["n"]) == ("float", IMAGES)


@pytest.mark.parametrize("stage", ["int8", "shift"])
def test_an_artifact_that_stops_early_is_evaluated_by_its_last_stage(
    digits: Path, stage: str
) -> None:
    options: Any = {"images": digits / "heldout", "labels": digits / "heldout.csv"}
    early = tf2c.compile(digits / "digits.onnx", calib=digits / "calibration", to=stage, **options)
    result = evaluate(early.path, agreement=True, **options)
    measured = early.manifest.measured[stage]
    assert {name: result[name] for name in measured} == measured
    assert result["executor"] == "numpy"


def test_the_last_stage_before_the_engine_gives_the_simulators_bits(
    digits_artifact: tf2c.Artifact, heldout_images: npt.NDArray[np.float32]
) -> None:
    module = read_module(digits_artifact.path / "ir" / "shift.mlir")
    expected = digits_artifact.run(heldout_images)
    np.testing.assert_array_equal(class_scores(module, heldout_images), expected)


def test_an_artifact_that_stops_early_does_not_run(digits: Path, folder: Path) -> None:
    early = tf2c.compile(digits / "digits.onnx", calib="random:2", to="shift")
    with pytest.raises(tf2c.UserError, match="stops at stage `shift`"):
        early.run(np.zeros((1, 1, 8, 8), np.float32))


def test_compiling_tells_how_far_it_is(folder: Path) -> None:
    reports: list[tuple[str, int, int]] = []

    def report(purpose: str, done: int, total: int) -> None:
        reports.append((purpose, done, total))

    tf2c.compile(
        folder / "net.onnx",
        calib=folder / "list.txt",
        to="int8",
        preprocess="imagenet",
        **labeled(folder),
        progress=report,
    )
    assert ("calibration", 7, 7) in reports
    evaluation = [done for purpose, done, _ in reports if purpose == "evaluation"]
    assert evaluation == [*range(EVALUATION_BATCH, IMAGES, EVALUATION_BATCH), IMAGES]
    assert reports[-1] == ("evaluation", IMAGES, IMAGES)


def test_a_terminal_shows_how_far_it_is(folder: Path, artifact: tf2c.Artifact) -> None:
    finished = subprocess.run(
        [
            Path(sys.executable).with_name("tf2c"),
            *("eval", artifact.path, "--images", folder / "photos"),
            *("--labels", folder / "labels.csv", "--json"),
        ],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"FORCE_COLOR": "1", "COLUMNS": "120"},
    )
    assert "evaluating net.tf2c: evaluation images" in finished.stderr
    assert f"{IMAGES}/{IMAGES}" in finished.stderr
    assert json.loads(finished.stdout)["n"] == IMAGES


def test_scores_may_be_images_of_one_pixel(folder: Path, tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv")
    weights = {"w": random_weights(0, 50, 3, 12, 12)}
    inputs = [("x", ("batch", 3, 12, 12))]
    model = save_model(tmp_path / "net.onnx", build_model([node], weights, inputs=inputs))
    compiled = tf2c.compile(
        model, calib=folder / "list.txt", preprocess="imagenet", **labeled(folder)
    )
    result = evaluate(compiled.path, **labeled(folder))
    assert result["top1"] == compiled.manifest.measured["shift"]["top1"]


def test_photographs_are_calibrated_on(
    folder: Path, shared_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (shared_images / "imagenet_calib100.txt").read_text().split()
    (tmp_path / "damaged.jpg").write_bytes(
        (shared_images / "imagenet" / lines[0]).read_bytes()[:5000]
    )
    photographs = [str(shared_images / "imagenet" / line) for line in lines]
    (tmp_path / "list.txt").write_text("\n".join(["damaged.jpg", *photographs]))
    paths = {"net": folder / "net.onnx", "calib": tmp_path / "list.txt", "output": tmp_path / "n"}
    command = "compile {net} --calib {calib} --preprocess tensorflow -o {output} --json"
    stdout, _ = run_cli(capsys, command, **paths)
    assert json.loads(stdout)["notes"] == [
        "skipped 1 of 101 images that cannot be used: damaged.jpg (a file that does not open)"
    ]
