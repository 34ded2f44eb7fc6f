"""Models from either kind of file, and what takes them."""

from pathlib import Path
from typing import Any

import pytest
from unit.onnx_models import classifier_model, save_model

import tf2c
from tf2c.compiled import Artifact
from tf2c.errors import UserError
from tf2c.ir_files import print_module, write_module
from tf2c.models import load_model


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A network of several layers as IR of stage `graph`, before its passes."""
    module = tf2c.load_onnx(save_model(tmp_path / "net.onnx", classifier_model()))
    write_module(module, tmp_path / "net.mlir")
    return tmp_path / "net.mlir"


def test_ir_is_read_as_it_was_written(written: Path) -> None:
    model = load_model(written.with_suffix(".onnx"))
    assert print_module(load_model(written)) == print_module(model)


def files(artifact: Artifact) -> dict[str, str]:
    listed = artifact.manifest.files
    return {name: digest for name, digest in listed.items() if not name.endswith(".html")}


def test_ir_compiles_to_what_the_model_compiles_to(written: Path) -> None:
    one, other = (
        tf2c.compile(path, calib="random:8", method="nearest")
        for path in (written, written.with_suffix(".onnx"))
    )
    assert one.manifest.model == "net.mlir"
    assert files(one) == files(other)


def test_checking_ir_says_the_same_of_every_layer(written: Path) -> None:
    found, expected = (tf2c.check(path) for path in (written, written.with_suffix(".onnx")))

    def verdicts(survey: Any) -> dict[str, Any]:
        return {each.layer: (each.verdict, each.runs_as) for each in survey.layers}

    assert verdicts(found) == verdicts(expected)
    assert found.is_supported
    assert {each.op_type for each in found.layers} >= {"graph.conv", "graph.max_pool"}


def test_evaluating_ir_gives_what_the_model_gives(digits: Path, tmp_path: Path) -> None:
    path = tmp_path / "digits.mlir"
    write_module(tf2c.load_onnx(digits / "digits.onnx"), path)
    found, expected = (
        tf2c.evaluate(each, images=digits / "heldout", labels=digits / "heldout.csv", limit=100)
        for each in (path, digits / "digits.onnx")
    )
    del found["seconds"], expected["seconds"]
    assert found == expected
    assert found["executor"] == "float"


def test_ir_of_another_stage_is_refused(digits_artifact: Artifact) -> None:
    path = digits_artifact.path / "ir" / "int8.mlir"
    with pytest.raises(UserError, match=r"int8.mlir: layer .* of stage `graph`, got `int8.") as got:
        load_model(path)
    assert got.value.hint == "an artifact keeps it in ir/graph.mlir"


def test_the_graph_of_an_artifact_is_a_model(digits_artifact: Artifact) -> None:
    module = load_model(digits_artifact.path / "ir" / "graph.mlir")
    assert print_module(module) == print_module(digits_artifact.stage("graph"))
