"""The bundled network from the trained model to numbers, by Python and by the command line."""

import json
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Golden

import tf2c
from tf2c.api import evaluate
from tf2c.passes import STAGES
from tf2c.runtime.emulator import EmulatorDevice
from tf2c.runtime.opencl import COUNTERS

PROGRAM = Path(sys.executable).with_name("tf2c")
HELDOUT = 360
PASSES = tuple(each.name for stage in STAGES for each in stage.passes)
"""Those that run without being asked for."""

MANIFEST_KEYS = {
    "tf2c_version",
    "model",
    "model_sha256",
    "pipeline",
    "stage",
    "board",
    "engine",
    "input_shape",
    "preprocessing",
    "layers",
    "mixture",
    "notes",
    "measured",
    "files",
    "format_version",
}


def run_program(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=True
    )


def run_json(*arguments: object) -> Any:
    """Run `tf2c --json`, which must print one JSON object and nothing else."""
    finished = run_program(*arguments, "--json")
    assert finished.stderr == ""
    content: Any = json.loads(finished.stdout)
    assert type(content) is dict
    return content  # pyright: ignore[reportUnknownVariableType]


@pytest.fixture(scope="module")
def inputs(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three images as the network takes them."""
    path = tmp_path_factory.mktemp("inputs") / "x.npy"
    images = np.random.default_rng(0).random((3, 1, 8, 8), np.float32)
    np.save(path, images)
    return path


@pytest.fixture(scope="module")
def measured_artifact(digits: Path) -> tf2c.Artifact:
    """The bundled network with its accuracy on all held-out images."""
    return tf2c.compile(
        digits / "digits.onnx",
        calib=digits / "calibration",
        images=digits / "heldout",
        labels=digits / "heldout.csv",
    )


@pytest.fixture(scope="module")
def nearest_measured(digits: Path) -> tf2c.Artifact:
    """The same with weights rounded to the nearest."""
    return tf2c.compile(
        digits / "digits.onnx",
        calib=digits / "calibration",
        method="nearest",
        images=digits / "heldout",
        labels=digits / "heldout.csv",
    )


def labeled(digits: Path) -> tuple[object, ...]:
    return ("--images", digits / "heldout", "--labels", digits / "heldout.csv")


def test_accuracy_has_not_changed(nearest_measured: tf2c.Artifact, golden: Golden) -> None:
    """Rounded to the nearest: compensation sums floats, in an order that processors choose."""
    golden(json.dumps(nearest_measured.manifest.measured, indent=2) + "\n", "digits_accuracy.json")


def test_accuracy_is_on_every_heldout_image(measured_artifact: tf2c.Artifact) -> None:
    assert measured_artifact.manifest.measured["images"] == HELDOUT


def test_compensated_shift_weights_lose_less_than_two_points(
    measured_artifact: tf2c.Artifact,
) -> None:
    measured = measured_artifact.manifest.measured
    assert measured["float"]["top1"] > 97
    assert measured["shift"]["top1"] > measured["float"]["top1"] - 2


def test_float_agrees_with_itself(measured_artifact: tf2c.Artifact) -> None:
    assert measured_artifact.manifest.measured["float"]["agreement"] == 100


@pytest.mark.parametrize(
    ("executor", "stage"), [("float", "float"), ("numpy", "shift"), ("simulator", "shift")]
)
def test_evaluating_the_artifact_agrees_with_what_compiling_measured(
    digits: Path, measured_artifact: tf2c.Artifact, executor: str, stage: str
) -> None:
    result = evaluate(
        measured_artifact.path,
        images=digits / "heldout",
        labels=digits / "heldout.csv",
        executor=executor,
    )
    expected = measured_artifact.manifest.measured[stage]
    assert (result["top1"], result["top5"]) == (expected["top1"], expected["top5"])
    assert (result["n"], result["executor"]) == (HELDOUT, executor)


def test_the_model_is_as_accurate_as_the_artifacts_float_network(
    digits: Path, measured_artifact: tf2c.Artifact
) -> None:
    result = run_json("eval", digits / "digits.onnx", *labeled(digits), "--executor", "float")
    assert result["top1"] == measured_artifact.manifest.measured["float"]["top1"]


def test_the_emulator_is_as_accurate_as_the_simulator(
    emulator_library: Path, digits: Path, digits_artifact: tf2c.Artifact
) -> None:
    command = ("eval", digits_artifact.path, *labeled(digits), "--limit", 24)
    results = [run_json(*command, "--executor", name) for name in ("simulator", "emulator")]
    assert results[0]["top1"] == results[1]["top1"]
    assert results[0]["n"] == results[1]["n"] == 24


def test_eval_prints_the_documented_keys(digits: Path, digits_artifact: tf2c.Artifact) -> None:
    result = run_json("eval", digits_artifact.path, *labeled(digits))
    assert list(result) == ["top1", "top5", "n", "executor", "seconds", "layers"]
    assert list(result["layers"]) == ["steps", "run", "others"]


def test_eval_takes_the_first_images_only(digits: Path, digits_artifact: tf2c.Artifact) -> None:
    assert run_json("eval", digits_artifact.path, *labeled(digits), "--limit", 7)["n"] == 7


def test_compile_prints_the_manifest_and_the_passes(digits: Path, tmp_path: Path) -> None:
    output = tmp_path / "digits.tf2c"
    model, calibration = digits / "digits.onnx", digits / "calibration"
    printed = run_json("compile", model, "--calib", calibration, "-o", output)
    assert printed.keys() == MANIFEST_KEYS | {"artifact", "passes"}
    assert printed["artifact"] == str(output)
    assert [each["name"] for each in printed["passes"]] == list(PASSES)
    manifest = json.loads((output / "manifest.json").read_text())
    assert {key: printed[key] for key in MANIFEST_KEYS} == manifest


def test_the_program_and_python_write_the_same_artifact(
    digits: Path, digits_artifact: tf2c.Artifact, tmp_path: Path
) -> None:
    output = tmp_path / "digits.tf2c"
    run_program("compile", digits / "digits.onnx", "--calib", digits / "calibration", "-o", output)
    assert contents(output) == contents(digits_artifact.path)


def test_an_artifact_does_not_depend_on_threads_or_folder(
    digits: Path, digits_artifact: tf2c.Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(digits)
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    output = tmp_path / "elsewhere.tf2c"
    arguments = ("digits.onnx", "--calib", "calibration", "-o", output, "--threads", 1)
    run_program("compile", *arguments)
    assert contents(output) == contents(digits_artifact.path)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_random_calibration_follows_its_seed(digits: Path) -> None:
    def scales(seed: int) -> str:
        artifact = tf2c.compile(digits / "digits.onnx", calib="random:1", seed=seed)
        return (artifact.path / "ir" / "int8.mlir").read_text()

    assert scales(1) == scales(1)
    assert len({scales(seed) for seed in range(4)}) > 1


@pytest.mark.parametrize("stage", ["graph", "prepare", "int8", "shift"])
def test_compiling_may_stop_after_any_stage(digits: Path, tmp_path: Path, stage: str) -> None:
    artifact = tf2c.compile(
        digits / "digits.onnx", calib="random:3", to=stage, output=tmp_path / "net.tf2c"
    )
    written = {path.stem for path in (artifact.path / "ir").glob("*.mlir")}
    stages = ["graph", "prepare", "int8", "shift"]
    assert written == {*stages[: stages.index(stage) + 1]}
    assert artifact.manifest.stage == stage


def test_run_prints_what_it_did(inputs: Path, digits_artifact: tf2c.Artifact) -> None:
    printed = run_json("run", digits_artifact.path, inputs)
    assert printed.keys() == {"device", "images", "seconds", "iterations", "loaded"}
    files = [digits_artifact.path / name for name in ("program.bin", "weights.bin")]
    assert printed["loaded"]["bytes"] == sum(path.stat().st_size for path in files)
    assert printed["loaded"]["seconds"] > 0
    assert (printed["device"], printed["images"], printed["iterations"]) == ("simulator", 3, {})


def test_run_writes_the_real_results(
    inputs: Path, digits_artifact: tf2c.Artifact, tmp_path: Path
) -> None:
    output = tmp_path / "y.npy"
    assert run_json("run", digits_artifact.path, inputs, "-o", output)["output"] == str(output)
    expected = digits_artifact.run(np.load(inputs))
    np.testing.assert_array_equal(np.load(output), expected)
    assert [path.name for path in tmp_path.iterdir()] == ["y.npy"]


def test_run_takes_a_folder_of_images(digits: Path, digits_artifact: tf2c.Artifact) -> None:
    assert run_json("run", digits_artifact.path, digits / "calibration")["images"] == 128


def test_run_verifies_the_emulator(
    emulator_library: Path, inputs: Path, digits_artifact: tf2c.Artifact
) -> None:
    printed = run_json("run", digits_artifact.path, inputs, "--device", "emulator", "--verify")
    assert printed["elements"] > 0
    assert printed["differences"] == 0
    assert list(printed["iterations"]) == list(chain.from_iterable(COUNTERS.values()))


def test_run_takes_an_engine_that_has_been_built(
    emulator_library: Path, inputs: Path, digits_artifact: tf2c.Artifact, tmp_path: Path
) -> None:
    with EmulatorDevice(digits_artifact.kernels) as device:
        assert device.built is not None
        (tmp_path / "engine.aocx").write_bytes(device.built)
    printed = run_json(
        *("run", digits_artifact.path, inputs, "--device", "emulator", "--verify"),
        *("--aocx", tmp_path / "engine.aocx"),
    )
    assert printed["elements"] > 0
    assert printed["differences"] == 0


def test_images_side_by_side_are_verified_and_take_fewer_iterations(
    emulator_library: Path, inputs: Path, digits_artifact: tf2c.Artifact
) -> None:
    arguments = ("run", digits_artifact.path, inputs, "--device", "emulator", "--verify")
    together, alone = run_json(*arguments, "--batch", 3), run_json(*arguments)
    assert together["differences"] == alone["differences"] == 0
    assert together["iterations"]["weight_reader"] * 3 == alone["iterations"]["weight_reader"]
    # The classifier's vector of pixels is the batch.
    assert together["iterations"]["pe"] < alone["iterations"]["pe"]


def test_boards_prints_every_board(digits: Path) -> None:
    boards = run_json("boards")["boards"]
    assert [each["name"] for each in boards] == ["f10a", "pac_a10", "pac_d5005"]
    assert boards[1]["m20ks"] == 2713


@pytest.mark.parametrize(
    "command",
    [("boards",), ("eval",), ("bisect",), ("run",), ("compile",)],
    ids=lambda command: command[0],
)
def test_every_command_prints_a_table_for_people(
    command: tuple[str], digits: Path, digits_artifact: tf2c.Artifact, inputs: Path, tmp_path: Path
) -> None:
    arguments: dict[str, tuple[object, ...]] = {
        "boards": (),
        "eval": (digits_artifact.path, *labeled(digits)),
        "bisect": (digits_artifact.path, digits_artifact.path),
        "run": (digits_artifact.path, inputs),
        "compile": (digits / "digits.onnx", "--calib", "random:2", "-o", tmp_path / "net.tf2c"),
    }
    finished = run_program(*command, *arguments[command[0]])
    assert "┃" in finished.stdout or "│" in finished.stdout
    assert finished.stderr == ""


def test_dump_ir_writes_a_numbered_file_per_pass(digits: Path, tmp_path: Path) -> None:
    dump = tmp_path / "ir"
    run_program(
        "compile",
        digits / "digits.onnx",
        "--calib",
        "random:2",
        "-o",
        tmp_path / "net.tf2c",
        "--dump-ir",
        dump,
    )
    names = sorted(path.name for path in dump.glob("*.mlir"))
    assert names == [f"{index:02d}-{name}.mlir" for index, name in enumerate(PASSES, 1)]


def test_dumped_ir_can_be_read_again(digits: Path, tmp_path: Path) -> None:
    from tf2c.ir_files import print_module, read_module

    dump = tmp_path / "ir"
    model, output = digits / "digits.onnx", tmp_path / "net.tf2c"
    run_program("compile", model, "--calib", "random:2", "-o", output, "--dump-ir", dump)
    for path in sorted(dump.glob("*.mlir")):
        assert print_module(read_module(path)) == path.read_text()


def test_check_finds_every_contract_kept(digits: Path, tmp_path: Path) -> None:
    printed = run_json(
        "compile",
        digits / "digits.onnx",
        "--calib",
        digits / "calibration",
        "-o",
        tmp_path / "net.tf2c",
        "--check",
    )
    assert all(each["finding"] for each in printed["passes"])


def test_checking_changes_no_file(
    digits: Path, digits_artifact: tf2c.Artifact, tmp_path: Path
) -> None:
    checked = tf2c.compile(
        digits / "digits.onnx",
        calib=digits / "calibration",
        output=tmp_path / "net.tf2c",
        check=True,
    )
    assert contents(checked.path) == contents(digits_artifact.path)


def test_layers_have_the_users_names(digits_artifact: tf2c.Artifact) -> None:
    names = [each["layer"] for each in digits_artifact.manifest.layers]
    assert names == ["/conv1/Conv", "/conv2/Conv", "/conv3/Conv", "/classifier/Gemm"]


def test_layers_have_what_they_take_on_the_engine(
    emulator: EmulatorDevice, inputs: Path, digits_artifact: tf2c.Artifact
) -> None:
    layers = digits_artifact.manifest.layers
    images = np.load(inputs)
    first, both = (digits_artifact.execute(images[:count], emulator).iterations for count in (1, 2))
    # They say what an image takes that follows another.
    for name in ("features_awaited", "transfers_awaited", "weights_awaited", "room_awaited"):
        assert sum(each[name] for each in layers) == both[name] - first[name]
    taken = sum(each["iterations"] for each in layers)
    assert taken == both["scheduler"] - first["scheduler"]
    assert all(0 < each["lanes_used"] <= 1 for each in layers)


def test_weights_have_four_bits_each(digits_artifact: tf2c.Artifact) -> None:
    # The first layer's nine taps of one channel are folded into two words.
    words = 2 * 3 + 9 * 6 * 3 + 1 * 6 * 3 + 16 * 6 * 1
    size = (digits_artifact.path / "weights.bin").stat().st_size
    assert size == words * 16 * 8 // 2
