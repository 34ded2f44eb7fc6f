"""Write docs/reference/ from the tables of passes, ops, boards and ONNX converters.

python docs/generate_reference.py            write
python docs/generate_reference.py --check    exit with 1 if a file is out of date
"""

import dataclasses
import inspect
import sys
from pathlib import Path

from tf2c.boards import known_boards
from tf2c.dialects import DIALECTS
from tf2c.frontends.onnx import OPSETS
from tf2c.frontends.onnx_ops import CONVERTERS
from tf2c.passes import STAGES

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- written by docs/generate_reference.py; `make docs` writes it again -->\n"


def passes_page() -> str:
    """Every pass by stage: its contract, options and documentation."""
    lines = [NOTE, "# Passes\n"]
    for stage in STAGES:
        legal = ", ".join(f"`{name}`" for name in sorted(stage.legal_dialects))
        lines.append(f"## Stage `{stage.name}`\n\nTo {stage.purpose}. Legal afterwards: {legal}.\n")
        for each in stage.passes:
            lines.append(f"### `{each.name}` ({each.contract})\n")
            documentation = inspect.getdoc(inspect.getmodule(each)) or ""
            lines.append(f"```text\n{documentation}\n```\n")
            options = dataclasses.fields(each)
            lines += [f"- option `{option.name}`, default `{option.default}`" for option in options]
            lines += [""] if options else []
    return "\n".join(lines)


def ops_page() -> str:
    """Every op by dialect."""
    lines = [NOTE, "# Ops\n"]
    for dialect in DIALECTS:
        lines.append(f"## Dialect `{dialect.name}`\n")
        lines += [
            f"### attribute `#{attribute.name}`\n\n{inspect.getdoc(attribute)}\n"
            for attribute in dialect.attributes
        ]
        lines += [f"### `{op.name}`\n\n{inspect.getdoc(op)}\n" for op in dialect.operations]
    return "\n".join(lines)


def boards_page() -> str:
    """Every board; sources are in its file."""
    lines = [NOTE, "# Boards\n\nThe files in `tf2c/boards/` give the source of every number.\n"]
    for board in known_boards().values():
        lines.append(f"## `{board.name}`\n")
        for key, value in dataclasses.asdict(board).items():
            lines.append(f"- {key}: {'not stated by a source read' if value is None else value}")
        lines.append("")
    return "\n".join(lines)


def onnx_page() -> str:
    """What is imported."""
    ops = "\n".join(f"- {name}" for name in sorted(CONVERTERS))
    versions = f"{OPSETS.start} to {OPSETS.stop - 1}"
    return f"{NOTE}\n# ONNX ops that are imported\n\nOpsets {versions}.\n\n{ops}\n\n{LIMITS}"


LIMITS = """One image input `NxCxHxW` with only the batch symbolic, one output. Weights are
initializers or `Constant` nodes. Not imported yet, and refused by the layer's name: grouped and
dilated `Conv`, `auto_pad` other than `NOTSET`, `MaxPool` with `ceil_mode` or dilation, `Gemm` with
`transA`, `Flatten` at another axis than 1, `Add` of unequal shapes or of a constant,
`BatchNormalization` in training mode.
"""


PAGES = {
    "passes.md": passes_page,
    "ops.md": ops_page,
    "boards.md": boards_page,
    "onnx.md": onnx_page,
}


def main() -> int:
    """Write the pages, or check them."""
    stale = [
        name
        for name, page in PAGES.items()
        if not (FOLDER / name).is_file() or (FOLDER / name).read_text() != page()
    ]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/reference/{name} is out of date: run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(PAGES[name]())
        print(f"wrote docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
