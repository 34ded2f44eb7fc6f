"""What would become of each layer: every verdict, and what the engine refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import helper
from unit.onnx_models import build_model, classifier_model, random_weights, save_model

import tf2c
from tf2c.engine import Engine
from tf2c.survey import LayerReport, Survey

Array = npt.NDArray[Any]


def node(op_type: str, inputs: str, output: str, name: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op_type, inputs.split(), output.split(), name=name, **attributes)


def surveyed(folder: Path, *nodes: onnx.NodeProto, **options: Any) -> Survey:
    """Survey a model that starts with a convolution `conv` of `x` to `c`, 4x4x4."""
    weights: dict[str, Array] = {
        "w": random_weights(0, 4, 2, 3, 3),
        "v": random_weights(1, 2, 4, 1, 1),
        "m": random_weights(2, 64, 3),
    }
    model = build_model([node("Conv", "x w", "c", "conv"), *nodes], weights)
    return tf2c.check(save_model(folder / "net.onnx", model), **options)


def verdicts(survey: Survey) -> dict[str, str]:
    return {each.layer: each.verdict for each in survey.layers}


def report(survey: Survey, layer: str) -> LayerReport:
    (found,) = (each for each in survey.layers if each.layer == layer)
    return found


@pytest.mark.parametrize(
    ("stage", "as_what"),
    [
        ("graph", "graph.conv"),
        ("int8", "int8.conv"),
        ("shift", "shift.conv"),
        ("dataflow", "dataflow.job"),
    ],
)
def test_layers_run_as_ops_of_the_last_stage(tmp_path: Path, stage: str, as_what: str) -> None:
    survey = tf2c.check(save_model(tmp_path / "net.onnx", classifier_model()), to=stage)
    assert (survey.stage, survey.is_supported, survey.refusal) == (stage, True, None)
    assert report(survey, "stem").runs_as[0] == as_what
    assert report(survey, "stem_relu").verdict == "folded"
    assert {each.verdict for each in survey.layers} == {"runs", "folded"}


def test_every_layer_is_reported_in_the_models_order(tmp_path: Path) -> None:
    model = classifier_model()
    survey = tf2c.check(save_model(tmp_path / "net.onnx", model))
    assert [each.layer for each in survey.layers] == [each.name for each in model.graph.node]
    assert [each.op_type for each in survey.layers] == [each.op_type for each in model.graph.node]


def test_what_a_pass_says_about_a_layer_is_why_it_is_folded(tmp_path: Path) -> None:
    survey = surveyed(
        tmp_path,
        node("GlobalAveragePool", "c", "g", "mean"),
        node("Flatten", "g", "f", "flatten"),
        node("Softmax", "f", "y", "softmax"),
    )
    softmax = report(survey, "softmax")
    assert softmax.verdict == "folded"
    assert str(softmax.reason).startswith("its softmax is left to the host")


def test_a_layer_left_out_is_folded_and_says_so(tmp_path: Path) -> None:
    layers = (node("LRN", "c", "n", "lrn", size=3), node("Conv", "n v", "y", "last"))
    refused = surveyed(tmp_path, *layers)
    assert verdicts(refused) == {"conv": "runs", "lrn": "refused", "last": "runs"}
    assert "--leave-out lrn" in str(report(refused, "lrn").remedy)
    left_out = surveyed(tmp_path, *layers, leave_out=["lrn"])
    assert verdicts(left_out) == {"conv": "runs", "lrn": "folded", "last": "runs"}
    assert report(left_out, "lrn").reason == "its normalization is left out"
    assert left_out.is_supported
    assert surveyed(tmp_path, *layers, to="graph").is_supported


def test_refused_and_unknown_layers(tmp_path: Path) -> None:
    survey = surveyed(
        tmp_path,
        node("NonZero", "c", "z", "where"),
        node("Transpose", "z", "t", "turn"),
        node("Identity", "t", "y", "same"),
    )
    assert verdicts(survey) == {
        "conv": "runs", "where": "refused", "turn": "unknown", "same": "unknown",
    }  # fmt: skip
    assert report(survey, "turn").reason == "depends on the refused layer `where`"
    assert not survey.is_supported


def test_everything_that_is_refused_is_found_at_once(tmp_path: Path) -> None:
    survey = surveyed(
        tmp_path,
        node("Sigmoid", "c", "s", "first"),
        node("Conv", "s v", "d", "between"),
        node("Tanh", "d", "y", "second"),
    )
    assert verdicts(survey) == {
        "conv": "runs", "first": "refused", "between": "runs", "second": "refused",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (node("Transpose", "c", "a", "layer1", perm=[0, 2, 3, 1]), "transposes nothing"),
        (
            node("AveragePool", "c", "a", "layer1", kernel_shape=[3, 3], pads=[1] * 4),
            "windows of equally many real pixels only, these have 4 to 9",
        ),
    ],
    ids=["transposition", "averages of varying counts"],
)
def test_what_the_engine_cannot_do_is_refused_there_only(
    tmp_path: Path, layer: onnx.NodeProto, reason: str
) -> None:
    layers = (layer, node("Flatten", "a", "f", "flatten"), node("Gemm", "f m", "y", "scores"))
    refused = surveyed(tmp_path, *layers)
    assert refused.stage == "shift"
    assert [name for name, each in verdicts(refused).items() if each == "refused"] == ["layer1"]
    assert reason in str(report(refused, "layer1").reason)
    assert report(refused, "layer1").remedy is not None
    for stage in ("shift", "int8", "graph"):
        assert surveyed(tmp_path, *layers, to=stage).is_supported


def test_two_results_are_refused_on_the_engine_only(tmp_path: Path) -> None:
    model = build_model(
        [node("Conv", "x w", "y", "left"), node("Conv", "x w", "z", "right")],
        {"w": random_weights(0, 4, 2, 3, 3)},
        outputs=("y", "z"),
    )
    path = save_model(tmp_path / "net.onnx", model)
    survey = tf2c.check(path)
    assert survey.refusal is not None
    assert survey.refusal[0] == "expected a network with one result, got 2"
    assert "--outputs" in str(survey.refusal[1])
    assert not survey.is_supported
    assert tf2c.check(path, to="shift").is_supported
    one = tf2c.check(path, outputs=["right"])
    assert one.is_supported
    assert verdicts(one) == {"right": "runs"}


def test_a_layer_larger_than_the_engine_is_refused_by_name(tmp_path: Path) -> None:
    layers = (node("Flatten", "c", "f", "flatten"), node("Gemm", "f m", "y", "scores"))
    survey = surveyed(tmp_path, *layers, engine=Engine(8, 4, weight_depth=12))
    assert verdicts(survey)["scores"] == "refused"
    assert (
        report(survey, "scores").reason
        == "expected at most 12 weight words per filter tile, got 16"
    )
    assert "--engine" in str(report(survey, "scores").remedy)


@pytest.mark.parametrize(
    ("options", "stage"),
    [
        ({"weights": "int8"}, "int8"),
        ({"activations": "uint8"}, "shift"),
        ({"weights": "shift2"}, "dataflow"),
        ({}, "dataflow"),
    ],
    ids=str,
)
def test_it_looks_as_far_as_the_choices_go(
    tmp_path: Path, options: dict[str, str], stage: str
) -> None:
    survey = tf2c.check(save_model(tmp_path / "net.onnx", classifier_model()), **options)  # pyright: ignore[reportArgumentType]
    assert (survey.stage, survey.is_supported) == (stage, True)


@pytest.mark.parametrize(
    "name", ["/body/block[0]/conv", "层/一", "a b\tc", "[bold]x[/bold]", "`q`"]
)
def test_names_are_the_users(tmp_path: Path, name: str) -> None:
    survey = surveyed(tmp_path, node("Relu", "c", "r", name), node("Sigmoid", "r", "y", f"{name}!"))
    assert [each.layer for each in survey.layers] == ["conv", name, f"{name}!"]


@pytest.mark.parametrize("to", ["verilog", "dataflow"])
def test_what_cannot_be_asked_is_raised(tmp_path: Path, to: str) -> None:
    with pytest.raises(tf2c.UserError, match=f"got `{to}`"):
        surveyed(tmp_path, node("Relu", "c", "y", "relu"), to=to, weights="int8")


def test_check_and_compile_agree(tmp_path: Path) -> None:
    """What `check` refuses, `compile` refuses with the same words, and the other way round."""
    path = tmp_path / "net.onnx"
    for layers in (
        (node("Relu", "c", "y", "relu"),),
        (node("LRN", "c", "y", "lrn", size=3),),
        (node("Transpose", "c", "y", "turn", perm=[0, 2, 3, 1]),),
        (node("MaxPool", "c", "y", "pool", kernel_shape=[3, 3], pads=[1] * 4),),
        (node("Softmax", "c", "s", "softmax", axis=1), node("Conv", "s v", "y", "last")),
    ):
        survey = surveyed(tmp_path, *layers)
        calibration = np.random.default_rng(0).normal(size=(2, 2, 6, 6))
        if survey.is_supported:
            assert tf2c.compile(path, calib=calibration).manifest.stage == survey.stage
            continue
        (refused,) = (each for each in survey.layers if each.verdict == "refused")
        with pytest.raises(tf2c.UserError) as refusal:
            tf2c.compile(path, calib=calibration)
        assert str(refusal.value).endswith(f"layer `{refused.layer}`: {refused.reason}")
        assert refusal.value.hint == refused.remedy
