"""The survey of a model: every layer is looked at, also behind those that are refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from unit.onnx_models import build_model, classifier_model, random_weights, save_model

from tf2c.errors import UserError
from tf2c.frontends.onnx import Finding, Survey, Verdict, load_onnx, survey_onnx


def surveyed(tmp_path: Path, model: onnx.ModelProto) -> Survey:
    return survey_onnx(save_model(tmp_path / "net.onnx", model))


def verdicts(survey: Survey) -> dict[str, Verdict]:
    return {finding.layer: finding.verdict for finding in survey.findings}


def activated(op_type: str = "LeakyRelu") -> list[onnx.NodeProto]:
    return [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1] * 4),
        helper.make_node(op_type, ["c"], ["a"], name="act"),
    ]


def test_a_model_without_obstacles_is_imported(tmp_path: Path) -> None:
    path = save_model(tmp_path / "net.onnx", classifier_model())
    survey = survey_onnx(path)
    assert str(survey.module) == str(load_onnx(path))
    assert survey.findings[0] == Finding("stem", "Conv", "imported")
    assert set(verdicts(survey).values()) == {"imported"}


def test_what_vanishes_is_folded(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"], name="shape"),
        helper.make_node("Identity", ["x"], ["i"], name="same"),
        helper.make_node("Reshape", ["i", "s"], ["r"], name="reshape"),
        helper.make_node("Flatten", ["r"], ["y"], name="flatten"),
    ]
    assert verdicts(surveyed(tmp_path, build_model(nodes))) == {
        "shape": "folded", "same": "folded", "reshape": "folded", "flatten": "imported",
    }  # fmt: skip


def test_all_obstacles_are_found(tmp_path: Path) -> None:
    nodes = [
        *activated(),
        helper.make_node("Conv", ["a", "v"], ["d"], name="second"),
        helper.make_node("Transpose", ["d"], ["t"], name="third", perm=[1, 0, 2, 3]),
        helper.make_node("Relu", ["t"], ["y"], name="last"),
    ]
    weights = {"w": random_weights(0, 4, 2, 3, 3), "v": random_weights(1, 5, 4, 1, 1)}
    survey = surveyed(tmp_path, build_model(nodes, weights))
    assert survey.module is None
    found = [(each.layer, each.verdict, each.reason) for each in survey.findings]
    assert found == [
        ("conv", "imported", None),
        ("act", "refused", "op `LeakyRelu` is not supported"),
        ("second", "imported", None),
        ("third", "refused", "expected `perm` with the batch first, got [1, 0, 2, 3]"),
        # Its input's first dimension is no batch, so it cannot be looked at.
        ("last", "unknown", "depends on the refused layer `third`"),
    ]
    assert survey.findings[1].remedy == "train with Relu or a bounded Relu (Clip) instead"


def test_load_raises_the_first_finding(tmp_path: Path) -> None:
    nodes = [*activated(), helper.make_node("Tanh", ["a"], ["y"], name="second")]
    path = save_model(
        tmp_path / "net.onnx", build_model(nodes, {"w": random_weights(0, 4, 2, 3, 3)})
    )
    with pytest.raises(UserError) as refusal:
        load_onnx(path)
    first, *_ = (each for each in survey_onnx(path).findings if each.verdict == "refused")
    assert str(refusal.value) == f"{path}: layer `{first.layer}`: {first.reason}"
    assert refusal.value.hint == first.remedy


def test_behind_an_unknown_shape_only_ops_are_judged(tmp_path: Path) -> None:
    nodes = [
        *activated("NonZero"),
        helper.make_node("Cast", ["a"], ["f"], name="cast", to=TensorProto.FLOAT),
        helper.make_node("Sigmoid", ["f"], ["s"], name="sigmoid"),
        helper.make_node("Add", ["s", "one"], ["y"], name="add"),
    ]
    weights = {"w": random_weights(0, 4, 2, 3, 3), "one": np.ones(1, np.float32)}
    survey = surveyed(tmp_path, build_model(nodes, weights))
    assert verdicts(survey) == {
        "conv": "imported", "act": "refused", "cast": "unknown", "sigmoid": "refused",
        "add": "unknown",
    }  # fmt: skip
    reasons = {each.layer: each.reason for each in survey.findings}
    assert reasons["cast"] == "depends on the refused layer `act`"
    assert reasons["add"] == "depends on the refused layer `sigmoid`"


def test_a_cut_survey_has_only_what_is_needed(tmp_path: Path) -> None:
    path = save_model(
        tmp_path / "net.onnx", build_model(activated(), {"w": random_weights(0, 4, 2, 3, 3)},
                                           outputs=["a"])
    )  # fmt: skip
    assert verdicts(survey_onnx(path)) == {"conv": "imported", "act": "refused"}
    survey = survey_onnx(path, ["conv"])
    assert verdicts(survey) == {"conv": "imported"}
    assert survey.module is not None


def test_an_obstacle_that_is_no_layer_is_raised(tmp_path: Path) -> None:
    path = save_model(tmp_path / "net.onnx", build_model(activated()[1:], inputs=[("c", (1, 2))],
                                                         outputs=["a"]))  # fmt: skip
    with pytest.raises(UserError, match="expected input `c` of shape NxCxHxW"):
        survey_onnx(path)
