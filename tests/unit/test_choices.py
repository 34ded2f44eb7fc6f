"""What users choose: which values exist, how far they go, and which passes they come to."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import helper
from unit.onnx_models import build_model, classifier_model, random_weights, save_model

import tf2c
from tf2c.choices import (
    ACTIVATIONS,
    DEFAULT_ENGINE,
    LEARNED,
    ROUNDING,
    STAGE_NAMES,
    WEIGHT_FORMS,
    Choices,
    stage_passes,
)
from tf2c.engine import Engine
from tf2c.errors import UserError
from tf2c.interpreters import run
from tf2c.ir_files import read_module
from tf2c.passes import STAGES
from tf2c.passes.int8.choose_scales import METHODS
from tf2c.passes.pipeline import PassPipeline

QUICK_ROUNDING = [method for method in ROUNDING if method != LEARNED]
"""Learning takes seconds, even for a small network."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("choices") / "net.onnx", classifier_model())


@pytest.fixture(scope="module")
def images() -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(4, 3, 11, 10)).astype(np.float32)


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        ({"weights": "ternary"}, "ternary"),
        ({"scales": "median"}, "median"),
        ({"activations": "int4"}, "int4"),
        ({"method": "inq9"}, "inq9"),
        ({"channels": "own"}, "own"),
        ({"leave_out": ("softmax",)}, "softmax"),
        ({"leave_out": ("lrn", "dropout")}, "dropout"),
    ],
    ids=str,
)
def test_what_does_not_exist_is_refused(choice: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=f"got `{named}`"):
        Choices(**choice)


@pytest.mark.parametrize(
    ("weights", "activations", "last"),
    [
        ("int8", "int8", "int8"),
        ("int8", "uint8", "int8"),
        ("shift1", "int8", "dataflow"),
        ("shift1", "uint8", "shift"),
        ("shift2", "int8", "dataflow"),
        ("shift2", "uint8", "shift"),
    ],
)
def test_how_far_choices_go(weights: str, activations: str, last: str) -> None:
    choices = Choices(weights, activations=activations)
    assert choices.last_stage(None) == last
    for stage in STAGE_NAMES:
        if STAGE_NAMES.index(stage) <= STAGE_NAMES.index(last):
            assert choices.last_stage(stage) == stage
            continue
        with pytest.raises(UserError, match=f"`{last}` or before, got `{stage}`") as refusal:
            choices.last_stage(stage)
        assert f"--to {last}" in str(refusal.value.hint)


@pytest.mark.parametrize("weights", WEIGHT_FORMS)
@pytest.mark.parametrize("activations", ACTIVATIONS)
@pytest.mark.parametrize("scales", METHODS)
@pytest.mark.parametrize("method", QUICK_ROUNDING)
def test_an_artifacts_pipeline_parses_back(
    weights: str,
    activations: str,
    scales: str,
    method: str,
    model: Path,
    images: npt.NDArray[np.float32],
) -> None:
    """What the manifest states is what ran, as `tf2c-opt -p` takes it."""
    choices = Choices(weights, scales, activations, ("lrn",), method)
    last, engine = choices.last_stage(None), Engine(8, 4, 512, 64)
    artifact = tf2c.compile(
        model,
        calib=images,
        weights=weights,
        scales=scales,
        activations=activations,
        leave_out=["lrn"],
        method=method,
        engine=engine,
        check=True,
    )
    assert artifact.manifest.stage == last
    ran = [
        each
        for stage in STAGES[: STAGE_NAMES.index(last) + 1]
        for each in stage_passes(stage, engine, choices)
    ]
    text = ",".join(filter(None, artifact.manifest.pipeline.values()))
    parsed = PassPipeline(text)
    assert list(parsed.passes) == ran
    assert str(parsed) == text


@pytest.mark.parametrize("method", ROUNDING)
def test_the_pipeline_makes_the_artifacts_ir_again(
    method: str, model: Path, images: npt.NDArray[np.float32]
) -> None:
    from tf2c.image_source import ArrayImages
    from tf2c.ir_files import new_context, print_module

    artifact = tf2c.compile(model, calib=images, weights="shift2", method=method)
    module = tf2c.load_onnx(model)
    context = new_context()
    context.calibration = ArrayImages(images)
    for text in filter(None, artifact.manifest.pipeline.values()):
        PassPipeline(text).run(module, context=context)
    assert print_module(module) == (artifact.path / "ir" / "dataflow.mlir").read_text()


def passes_of(**choices: Any) -> str:
    chosen = Choices(**choices)
    passes = [each for stage in STAGES for each in stage_passes(stage, DEFAULT_ENGINE, chosen)]
    return str(PassPipeline(passes))


def test_each_choice_tells_its_pass() -> None:
    assert "terms=2" in passes_of(weights="shift2", method="nearest")
    assert "terms=2" not in passes_of(weights="shift1", method="nearest")
    assert 'weights="shift2"' in passes_of(weights="shift2")
    assert "choose-terms{terms_per_mac=1.5}" in passes_of(weights="mixed", terms_per_mac=1.5)
    assert "equalize-channels" not in passes_of(channels="shared")
    assert 'rule="ceiling"' in passes_of(channels="ceiling", method="nearest")
    assert "absorb-biases" not in passes_of(activations="uint8")
    assert "compensated,learn-rounding,prove" in passes_of(method="learned")
    assert 'learn-rounding{weights="int8"' in passes_of(method="learned", weights="int8")
    assert "unsigned=true" in passes_of(activations="uint8")
    assert 'method="minmax"' in passes_of(scales="minmax")
    assert passes_of(leave_out=("lrn",)).startswith("remove-lrn,")
    assert "remove-lrn" not in passes_of()
    assert "smallest_shift=0" in passes_of(weights="int8")


def test_choices_differ_in_what_they_compute(model: Path, images: npt.NDArray[np.float32]) -> None:
    def result(stage: str, **options: str) -> bytes:
        artifact = tf2c.compile(model, calib=images, to=stage, **options)  # pyright: ignore[reportArgumentType]
        return run(read_module(artifact.path / "ir" / f"{stage}.mlir"), images).tobytes()

    shifts = {result("shift", weights=weights) for weights in ("shift1", "shift2")}
    assert len(shifts) == 2
    activations = {result("shift", activations=each) for each in ACTIVATIONS}
    assert len(activations) == 2


@pytest.mark.parametrize(("weights", "activations"), list(product(WEIGHT_FORMS, ACTIVATIONS)))
def test_every_choice_stays_near_the_float_network(
    weights: str, activations: str, model: Path, images: npt.NDArray[np.float32]
) -> None:
    from tf2c.passes.check import real_result

    artifact = tf2c.compile(model, calib=images, weights=weights, activations=activations)
    stage = {"dataflow": "shift"}.get(artifact.manifest.stage, artifact.manifest.stage)
    module = read_module(artifact.path / "ir" / f"{stage}.mlir")
    found = real_result(module, run(module, images))
    expected = run(read_module(artifact.path / "ir" / "graph.mlir"), images)
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert error < {"int8": 0.1, "shift2": 0.25, "mixed": 0.6, "shift1": 0.6}[weights]


def test_uint8_activations_stop_before_the_engine(
    model: Path, images: npt.NDArray[np.float32]
) -> None:
    artifact = tf2c.compile(model, calib=images, activations="uint8")
    assert artifact.manifest.stage == "shift"
    assert "ui8" in (artifact.path / "ir" / "shift.mlir").read_text()
    with pytest.raises(UserError, match="the engine's lanes take signed numbers"):
        tf2c.compile(model, calib=images, activations="uint8", to="dataflow")


def test_a_cut_network_ends_there(model: Path, images: npt.NDArray[np.float32]) -> None:
    artifact = tf2c.compile(model, calib=images, outputs=["hidden"])
    assert [each["layer"] for each in artifact.manifest.layers] == ["stem", "branch", "hidden"]
    assert artifact.run(images).shape == (4, 27)


def test_what_is_left_out_is_noted(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("LRN", ["c"], ["n"], name="lrn", size=3),
        helper.make_node("Conv", ["n", "v"], ["y"], name="last"),
    ]
    weights = {"w": random_weights(0, 4, 2, 3, 3), "v": random_weights(1, 2, 4, 3, 3)}
    path = save_model(tmp_path / "net.onnx", build_model(nodes, weights))
    artifact = tf2c.compile(path, calib="random:2", leave_out=["lrn"])
    assert artifact.manifest.notes[0] == "layer `lrn`: its normalization is left out"
    with pytest.raises(UserError, match="layer `lrn`: local response normalization"):
        tf2c.compile(path, calib="random:2")
