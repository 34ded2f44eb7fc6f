"""IR as files: text with layer names, and its blobs in the sidecar folder beside it."""

from io import StringIO
from pathlib import Path

from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.func import Func
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import ParseError, VerifyException

from tf2c.context import CompilerContext
from tf2c.dialects import DIALECTS
from tf2c.dialects.blob import SIDECAR_FOLDER
from tf2c.errors import UserError


def new_context(weights_folder: Path | None = None) -> CompilerContext:
    """Return a context that knows `builtin`, `func` and tf2c's dialects."""
    context = CompilerContext(weights_folder=weights_folder)
    for dialect in (Builtin, Func, *DIALECTS):
        context.load_dialect(dialect)
    return context


def print_module(module: ModuleOp) -> str:
    """Return a module's text, with layer names as locations and without long blobs."""
    text = StringIO()
    Printer(stream=text, print_debuginfo=True).print_op(module)
    return text.getvalue() + "\n"


def parse_module(text: str, name: str, context: CompilerContext) -> ModuleOp:
    """Parse and verify a module's text.

    Raises:
        UserError: the text is not valid IR, or a blob is missing.
    """
    try:
        module = Parser(context, text, name).parse_module()
        module.verify()
    except (ParseError, VerifyException) as error:
        line = str(error).strip().splitlines()[-1].strip()
        raise UserError(f"{name}: expected valid IR, got an error: {line}") from error
    return module


def read_module(path: Path) -> ModuleOp:
    """Read and verify an IR file; its blobs are looked for beside it.

    Raises:
        UserError: the file cannot be read or is not valid IR.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: expected an IR file, got {error}") from error
    return parse_module(text, str(path), new_context(path.parent / SIDECAR_FOLDER))
