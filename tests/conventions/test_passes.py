"""One pass is one file, one class, one lit test, all of one name, and says what it promises."""

import dataclasses
import inspect
import re
import sys
from pathlib import Path

import pytest
from conventions.checkout import FILECHECK, SOURCES, in_checkout
from xdsl.passes import ModulePass

from tf2c.passes import ON_REQUEST, PASSES, STAGES
from tf2c.passes.contract import CompilerPass, Contract

STAGE_OF_PASS = {each: stage.name for stage in reversed(STAGES) for each in stage.passes}
"""A pass belongs to the first stage that has it; later ones may run it again."""

STAGED_PASSES = [
    *((stage, each) for each, stage in reversed(STAGE_OF_PASS.items())),
    # In no stage's pipeline, but in its folder.
    *((each.__module__.split(".")[-2], each) for each in ON_REQUEST),
]

LIT_TESTS_OF_PASSES = sorted((FILECHECK / "passes").rglob("*.mlir"))
FILES_OF_PASSES = [
    path
    for stage in STAGES
    for path in sorted((SOURCES / "passes" / stage.name).glob("*.py"))
    if path.name != "__init__.py"
]

pass_parameters = pytest.mark.parametrize(
    ("stage", "compiler_pass"), STAGED_PASSES, ids=[each.name for _, each in STAGED_PASSES]
)


def file_name(name: str) -> str:
    return name.replace("-", "_")


def module_docstring(compiler_pass: type[ModulePass]) -> str:
    return sys.modules[compiler_pass.__module__].__doc__ or ""


def docstring_defects(docstring: str, contract: Contract) -> list[str]:
    """Return what a pass's module docstring lacks."""
    defects: list[str] = []
    if not re.match(r"[A-Z][^\n]*\.\n", docstring):
        defects.append("expected one sentence in the first line, which `--help` shows")
    before_and_after = r"^Before:\n(    .*\n)+After:\n(    .*\n)+|^Before and after: "
    sections = [before_and_after, r"^Requires: ", r"^Ensures: ", rf"^Contract: {contract}[.;]"]
    positions: list[int] = []
    for section in sections:
        match = re.search(section, docstring, re.MULTILINE)
        if match is None:
            defects.append(f"expected `{section}`, got none")
        else:
            positions.append(match.start())
    if positions != sorted(positions):
        defects.append("expected the sections in order")
    return defects


@pass_parameters
def test_file_and_class_have_the_name_of_the_pass(
    stage: str, compiler_pass: type[CompilerPass]
) -> None:
    camel_case = "".join(word.capitalize() for word in compiler_pass.name.split("-"))

    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", compiler_pass.name)
    assert compiler_pass.__name__ == f"{camel_case}Pass"
    module = f"tf2c.passes.{stage}.{file_name(compiler_pass.name)}"
    assert compiler_pass.__module__ == module
    path = SOURCES / "passes" / stage / f"{file_name(compiler_pass.name)}.py"
    assert Path(inspect.getfile(compiler_pass)) == path


@pass_parameters
def test_pass_has_a_lit_test_of_its_name(stage: str, compiler_pass: type[CompilerPass]) -> None:
    path = FILECHECK / "passes" / stage / f"{file_name(compiler_pass.name)}.mlir"

    assert path.is_file()
    # Behind others, where it needs what they leave in the context.
    own = rf"^// RUN:.*-p '?(\S+,)?{compiler_pass.name}\b"
    assert re.search(own, path.read_text(), re.MULTILINE)


@pass_parameters
def test_pass_says_what_it_promises(stage: str, compiler_pass: type[CompilerPass]) -> None:
    assert not docstring_defects(module_docstring(compiler_pass), compiler_pass.contract)


@pass_parameters
def test_pass_is_a_frozen_dataclass(stage: str, compiler_pass: type[CompilerPass]) -> None:
    assert "__dataclass_params__" in vars(compiler_pass), "expected `@dataclass(frozen=True)`"
    assert vars(compiler_pass)["__dataclass_params__"].frozen
    for option in dataclasses.fields(compiler_pass):
        if option.name != "name":
            assert option.default is not dataclasses.MISSING, f"option `{option.name}`: no default"


@pass_parameters
def test_options_are_explained(stage: str, compiler_pass: type[CompilerPass]) -> None:
    source = inspect.getsource(compiler_pass)

    for option in dataclasses.fields(compiler_pass):
        assert re.search(rf'^    {option.name}: .*\n    """', source, re.MULTILINE), option.name


@pytest.mark.parametrize("path", FILES_OF_PASSES, ids=in_checkout)
def test_every_file_of_a_stage_is_a_pass_in_the_table(path: Path) -> None:
    assert path.stem.replace("_", "-") in PASSES


@pytest.mark.parametrize("path", LIT_TESTS_OF_PASSES, ids=in_checkout)
def test_every_lit_test_of_a_stage_is_of_a_pass_in_the_table(path: Path) -> None:
    # What does not fit the test of the pass's name has a suffix: `choose_scales_refuses.mlir`.
    subjects = [file_name(each.name) for stage, each in STAGED_PASSES if stage == path.parent.name]

    assert any(path.stem == each or path.stem.startswith(f"{each}_") for each in subjects)


def test_stages_have_the_names_of_their_folders() -> None:
    folders = {path.parent.name for path in FILES_OF_PASSES}

    assert folders == {stage.name for stage in STAGES}
    assert {path.parent.name for path in LIT_TESTS_OF_PASSES} == folders


def test_no_two_passes_have_one_name() -> None:
    assert len(PASSES) == len(STAGED_PASSES)


@pytest.mark.parametrize("missing", ["Before:", "Requires:", "Ensures:", "Contract:", "Round."])
def test_missing_section_is_found(missing: str) -> None:
    complete = (
        "Round.\n\nBefore:\n    %a\nAfter:\n    %b\n\n"
        "Requires: nothing.\nEnsures: nothing.\nContract: exact.\n"
    )

    assert not docstring_defects(complete, Contract.EXACT)
    assert docstring_defects(complete.replace(missing, ""), Contract.EXACT)
    assert docstring_defects(complete, Contract.APPROXIMATE)
