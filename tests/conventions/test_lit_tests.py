"""No lit test can pass without looking at anything."""

import re
import shlex
from pathlib import Path

import pytest
from conventions.checkout import in_checkout, lit_tests

PREPARATIONS = frozenset({"python", "rm", "mkdir", "cp"})
"""What a RUN line may do only to prepare the lines that check."""

OPERATORS = frozenset({"|", "&&", ";", "||", "&"})
"""What stands between the commands of a RUN line."""

DIRECTIVE = re.compile(
    r"^\s*//\s*([A-Z][A-Z0-9_]*?)(-NEXT|-SAME|-NOT|-LABEL|-DAG|-COUNT-\d+|-EMPTY)?:", re.MULTILINE
)
KEYWORDS = frozenset({"RUN", "XFAIL", "UNSUPPORTED", "REQUIRES"})


def run_lines(text: str) -> list[str]:
    return re.findall(r"^\s*//\s*RUN:\s*(.*)$", text.replace("\\\n", " "), re.MULTILINE)


def commands(line: str) -> list[list[str]]:
    """Return the commands of a RUN line as words; redirections count as words."""
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    # Characters of file names and options; everything else that is no operator is quoted.
    words.wordchars += "%{},:"
    listed: list[list[str]] = [[]]
    for word in words:
        if word in OPERATORS:
            listed.append([])
        else:
            listed[-1].append(word)
    return listed


def prefixes_of(line: str) -> set[str]:
    """Return the prefixes that the `filecheck` calls of a RUN line look for."""
    prefixes: set[str] = set()
    for program, *arguments in commands(line):
        if program == "filecheck":
            named = re.search(r"--check-prefix(?:es)?[= ](\S+)", " ".join(arguments))
            prefixes |= set(named[1].split(",")) if named else {"CHECK"}
    return prefixes


def dead_run_lines(text: str) -> list[str]:
    """Return the RUN lines that check nothing, and why."""
    dead: list[str] = []
    lines = run_lines(text)
    checks = 0
    for line in lines:
        *others, (program, *arguments) = commands(line)
        if program == "filecheck":
            checks += 1
            inputs = [word for command in others for word in command]
            inputs += [word for word in arguments if word.startswith("--input-file=")]
            if "%s" not in arguments:
                dead.append(f"expected `filecheck %s`, got `{line}`")
            if not any(re.search(r"%[stS]|^--help$", word) for word in inputs):
                dead.append(f"expected an input, got `{line}`")
        elif commands(line)[0][0] not in PREPARATIONS | {"not"}:
            dead.append(f"expected a line that ends in `filecheck`, got `{line}`")
    if not checks:
        dead.append("expected a line that ends in `filecheck`, got none")
    return dead


def unused_directives(text: str) -> list[str]:
    """Return directives that no RUN line looks for, and prefixes that expect nothing."""
    looked_for: set[str] = set()
    for line in run_lines(text):
        looked_for |= prefixes_of(line)
    directives = [match for match in DIRECTIVE.findall(text) if match[0] not in KEYWORDS]
    # This finds misspelled directives, too: no RUN line looks for them.
    unused = {prefix for prefix, _ in directives} - looked_for
    expecting = {prefix for prefix, kind in directives if kind != "-NOT"}
    return [f"no RUN line looks for `{prefix}`" for prefix in sorted(unused)] + [
        f"`{prefix}` expects nothing" for prefix in sorted(looked_for - expecting)
    ]


def switched_off(text: str) -> bool:
    return re.search(r"^\s*//\s*(XFAIL|UNSUPPORTED|REQUIRES):", text, re.MULTILINE) is not None


@pytest.mark.parametrize("path", lit_tests(), ids=in_checkout)
def test_lit_test_can_fail(path: Path) -> None:
    text = path.read_text()

    assert not dead_run_lines(text)
    assert not unused_directives(text)
    assert not switched_off(text)


@pytest.mark.parametrize("path", lit_tests(), ids=in_checkout)
def test_lit_test_says_what_it_shows(path: Path) -> None:
    comments = re.findall(r"^// (?!RUN:)(.*)$", path.read_text(), re.MULTILINE)

    assert any(not DIRECTIVE.match(f"// {comment}") and comment != "-----" for comment in comments)


def test_there_are_lit_tests() -> None:
    assert len(lit_tests()) > 20


@pytest.mark.parametrize(
    "text",
    [
        "// CHECK: nothing runs",
        "// RUN: tf2c-opt --split-input-file --verify-diagnostics\n// CHECK: a\n",
        "// RUN: tf2c-opt %s\n// CHECK: a\n",
        "// RUN: tf2c-opt | filecheck %s\n// CHECK: a\n",
        "// RUN: tf2c-opt %s | filecheck\n// CHECK: a\n",
        "// RUN: tf2c-opt %s | filecheck %s | cat\n// CHECK: a\n",
        "// RUN: tf2c-opt %s | filecheck %s\n// RUN: tf2c-opt %s\n// CHECK: a\n",
        "// RUN: python -c pass\n",
    ],
)
def test_dead_run_line_is_found(text: str) -> None:
    assert dead_run_lines(text)


@pytest.mark.parametrize(
    "text",
    [
        "// RUN: tf2c-opt %s | filecheck %s\n",
        "// RUN: tf2c-opt %s | filecheck %s\n// CHECK-NOT: a\n",
        "// RUN: tf2c-opt %s | filecheck %s\n// CHECK: a\n// OTHER: b\n",
        "// RUN: tf2c-opt %s | filecheck %s --check-prefix=OTHER\n// CHECK: a\n",
    ],
)
def test_unused_directive_is_found(text: str) -> None:
    assert unused_directives(text)
