"""Every op says what it computes, by what constraints, and shows itself."""

import inspect
import re

import pytest
from conventions.checkout import FILECHECK
from conventions.test_invalid_programs import all_invalid_programs
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region
from xdsl.irdl import IRDLOperation
from xdsl.parser import Parser

from tf2c.dialects import DIALECTS
from tf2c.dialects.dataflow import EngineOp
from tf2c.engine import Engine
from tf2c.interpreters import INTERPRETERS
from tf2c.ir_files import new_context, print_module

OPS = [op for dialect in DIALECTS for op in dialect.operations]


def docstring(op: type[Operation]) -> str:
    return inspect.cleandoc(op.__doc__ or "")


def labels(op: type[Operation]) -> list[str]:
    """Return the constraints that an op's docstring states."""
    return re.findall(r"^(C\d+): ", docstring(op), re.MULTILINE)


def example(op: type[Operation]) -> str:
    """Return the IR in an op's docstring."""
    match = re.search(r"^Example: `([^`]*)`", docstring(op), re.MULTILINE)
    assert match is not None, f"{op.name}: expected Example: in the docstring"
    return match[1]


def module_around(text: str) -> ModuleOp:
    """Parse one op and make what it uses arguments of a function, with the types it says."""
    parser = Parser(new_context(), text)
    op = parser.parse_op()
    # What an op uses before it is defined has the type that the op's custom syntax says.
    used = [
        (name, value)
        for name, references in parser.forward_ssa_references.items()
        for value in references.values()
    ]
    if isinstance(op, EngineOp):
        return ModuleOp([op])
    block = Block(arg_types=[value.type for _, value in used])
    for argument, (name, value) in zip(block.args, used, strict=True):
        value.replace_all_uses_with(argument)
        argument.name_hint = name
    block.add_ops([op, ReturnOp()])
    function = FuncOp("example", ([argument.type for argument in block.args], []), Region(block))
    return ModuleOp([EngineOp(Engine()), function])


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_docstring_has_its_sections_in_order(op: type[Operation]) -> None:
    sections = [r"^Formula: `", r"^\| operand \| shape \| dtype \|$", r"^C1: ", r"^Example: `"]

    found = [re.search(section, docstring(op), re.MULTILINE) for section in sections]

    positions = [match.start() for match in found if match is not None]
    assert len(positions) == len(sections)
    assert positions == sorted(positions)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_constraints_are_numbered_and_checked_in_order(op: type[Operation]) -> None:
    # What the parser's or definition's constraints express needs no line in the verifier.
    checked = re.findall(r"^\s*# (C\d+)$", inspect.getsource(op), re.MULTILINE)

    assert labels(op) == [f"C{number}" for number in range(1, len(labels(op)) + 1)]
    assert checked
    assert checked == sorted(checked, key=lambda label: int(label[1:]))
    assert set(checked) <= set(labels(op))


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_every_constraint_has_an_invalid_program(op: type[Operation]) -> None:
    shown = {program.op_and_label for program in all_invalid_programs()}

    assert {(op.name, label) for label in labels(op)} <= shown


def test_every_invalid_program_breaks_a_stated_constraint() -> None:
    stated = {(op.name, label) for op in OPS for label in labels(op)}
    shown = {program.op_and_label for program in all_invalid_programs()} - {None}

    assert shown <= stated


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_op_is_in_its_round_trip_test(op: type[Operation]) -> None:
    path = FILECHECK / "dialects" / op.name.split(".")[0] / "ops.mlir"

    # In the program and in what is expected of it.
    assert re.search(rf"^(?!//).*\b{re.escape(op.name)}\b", path.read_text(), re.MULTILINE)
    assert re.search(rf"^// CHECK.*\b{re.escape(op.name)}\b", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_op_with_a_result_has_a_meaning(op: type[Operation]) -> None:
    implemented = {
        implemented_op
        for functions in INTERPRETERS
        for implemented_op, _ in functions()._impls()  # pyright: ignore[reportPrivateUsage]
    }
    assert issubclass(op, IRDLOperation)

    if op.get_irdl_definition().results:
        assert op in implemented


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_example_is_valid_and_its_text_is_stable(op: type[Operation]) -> None:
    module = module_around(example(op))

    module.verify()

    (shown,) = (each for each in module.walk() if isinstance(each, op) and each.parent is not None)
    assert shown.name == op.name
    text = print_module(module)
    assert print_module(Parser(new_context(), text).parse_module()) == text


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_op_is_listed_by_its_dialect(op: type[Operation]) -> None:
    module_docstring = inspect.getmodule(op).__doc__ or ""
    mnemonic = "".join(part.capitalize() for part in op.name.split(".")[1].split("_"))

    # The formatter takes the indentation away where nothing but the list follows the first line.
    assert re.search(rf"^ *{re.escape(op.name)} {{2,}}\S", module_docstring, re.MULTILINE)
    assert op.__name__ == f"{mnemonic}Op"
