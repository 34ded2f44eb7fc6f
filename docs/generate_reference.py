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
from tf2c.frontends.onnx.constants import FOLDERS
from tf2c.frontends.onnx.converters import CONVERTERS
from tf2c.passes import ON_REQUEST, STAGES
from tf2c.passes.contract import CompilerPass

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- written by docs/generate_reference.py; `make docs` writes it again -->\n"


def passes_page() -> str:
    """Every pass by stage: its contract, options and documentation."""
    headed: list[tuple[str, tuple[type[CompilerPass], ...]]] = []
    for stage in STAGES:
        legal = ", ".join(f"`{name}`" for name in sorted(stage.legal_dialects))
        heading = f"## Stage `{stage.name}`\n\nTo {stage.purpose}. Legal afterwards: {legal}.\n"
        headed.append((heading, stage.passes))
    headed.append(("## On request\n\nIn no stage: they run first, where asked for.\n", ON_REQUEST))
    lines = [NOTE, "# Passes\n"]
    for heading, passes in headed:
        lines.append(heading)
        for each in passes:
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
    folded = ", ".join(sorted(FOLDERS))
    versions = f"{OPSETS.start} to {OPSETS.stop - 1}"
    return (
        f"{NOTE}\n# ONNX ops that are imported\n\nOpsets {versions}.\n\n{ops}\n\n"
        f"Of constants alone, and folded at import: {folded}.\n\n{LIMITS}"
    )


LIMITS = """## What is refused

By the name of the layer or input, and with a remedy. `survey_onnx` lists all such layers at once.

- **Files**: other opsets, sparse initializers, missing external weights.
- **Inputs**: one float32 image input `NxCxHxW`, only its batch symbolic. The batch stays the first
  dimension throughout; images are computed on their own.
- **Outputs**: any number, each computed and with the batch first. `outputs` ends the network at
  other tensors or layers and leaves out the rest, such as the decoding of boxes.
- **Weights**: constants, or computed from constants. NaN, infinity, or a layer's weights all zero.
- **Conv, poolings**: 1-d and 3-d ones; dilated poolings; pads of a pooling as large as its kernel;
  a negative `auto_pad`; the use of `MaxPool`'s indices; `ReduceMean` over other axes than 2 and 3.
- **Gemm, MatMul**: two computed operands, `transA`, more than one row per image.
- **Add, Sum**: computed operands of unequal shapes. With a constant, one number per channel.
- **Sub, Mul, Div**: other operands than a tensor and a constant with one number per channel; a
  computed divisor.
- **BatchNormalization, Dropout**: training mode.
- **Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Concat, Slice, Pad**: whatever moves, splits or
  removes the batch; negative steps; pads other than zeros. A batch merged with extents
  (`Flatten(axis=2)`, `Reshape(-1, classes)`) may only go through Relu, Clip, Softmax and another
  Reshape or Flatten that separates it again.
- **Shape arithmetic**: computing with a symbolic batch; moving it about is fine.
- **Not imported at all**: other activations than Relu and Clip, quantized models, control flow,
  sequences, recurrent layers, ops that enlarge images, ops of other domains.
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
