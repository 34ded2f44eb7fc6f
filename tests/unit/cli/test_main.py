"""What the command line repeats, so that `--help` need not load the compiler, is still true."""

import json
from pathlib import Path

import pytest

from tf2c import api, capture, compiler
from tf2c.cli import main, options
from tf2c.frontends.preprocessing import PRESETS
from tf2c.runtime.device import DEFAULT_TIMEOUT_SECONDS


def test_executors_are_those_of_the_api() -> None:
    assert options.EXECUTORS == api.EXECUTORS


def test_runners_are_those_of_captures() -> None:
    assert options.RUNNERS == capture.RUNNERS


def test_stages_are_those_of_the_compiler() -> None:
    assert options.STAGES == compiler.STAGE_NAMES


def test_presets_are_those_of_the_frontend() -> None:
    assert tuple(PRESETS) == options.PRESETS


def test_the_timeout_is_the_runtime_s() -> None:
    (timeout,) = (each for each in main.run_command.params if each.name == "timeout")
    assert timeout.default == DEFAULT_TIMEOUT_SECONDS


def test_an_engine_of_other_sizes_is_compiled_for(
    digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = tmp_path / "engine.toml"
    engine.write_text("filter_vector = 8\nchannel_vector = 4\npixel_vector = 7\nlatency = 100\n")
    arguments = [digits / "digits.onnx", "-o", tmp_path / "net.tf2c", "--json"]
    arguments += ["--calib", digits / "calibration", "--engine", engine]
    main.cli.main(["compile", *map(str, arguments)], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["engine"] == {
        "filter_vector": 8,
        "channel_vector": 4,
        "pixel_vector": 7,
        "largest_split": 2,
        "weight_depth": 1024,
        "channel_depth": 512,
        "latency": 100,
        "memory_bytes": 96,
        "cache_depth": 16384,
    }
