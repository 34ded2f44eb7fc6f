"""IR as files: text with layer names, and its blobs in the sidecar folder beside it."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path

from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.func import Func
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import ParseError, VerifyException

from tf2c.context import CompilerContext
from tf2c.dialects import DIALECTS
from tf2c.dialects.blob import SIDECAR_FOLDER, saved_blobs
from tf2c.dialects.layers import layer_name
from tf2c.errors import UserError
from tf2c.whole_files import written_whole

IR_SUFFIX = ".mlir"


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
    with refusing_bad_text(name):
        module = Parser(context, text, name).parse_module()
    verify_module(module, name)
    return module


@contextmanager
def refusing_bad_text(name: str) -> Generator[None]:
    """Turn what parsing raises about the user's text into one line.

    xDSL raises `ParseError` with a place; `VerifyException` where an op's type constraints fail
    while its custom syntax is read; and `ValueError` for numbers that fit no attribute.
    """
    try:
        yield
    except ParseError as error:
        raise parse_refusal(error) from error
    except (VerifyException, ValueError) as error:
        message = str(error).strip().splitlines()[0]
        raise UserError(f"{name}: expected valid IR: {message}") from error


def parse_refusal(error: ParseError) -> UserError:
    """Return the one line that says where text is not IR."""
    return UserError(f"{error.span.get_location()}: {error.msg.strip()}")


def verify_module(module: ModuleOp, name: str) -> None:
    """Verify the user's IR.

    Args:
        module: parsed IR.
        name: where it comes from.

    Raises:
        UserError: an op is not valid, named with its layer.
    """
    for op in module.walk():
        try:
            op.verify(verify_nested_ops=False)
        except VerifyException as error:
            layer = layer_name(op)
            where = f"`{op.name}`" if layer == op.name else f"layer `{layer}`: `{op.name}`"
            raise UserError(f"{name}: {where}: {error}") from error


def read_module(path: Path) -> ModuleOp:
    """Read and verify an IR file; its blobs are looked for beside it.

    Raises:
        UserError: the file cannot be read or is not valid IR.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise UserError(f"{path}: expected an IR file, got {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: expected an IR file, got no text") from error
    return parse_module(text, str(path), new_context(path.parent / SIDECAR_FOLDER))


def write_module(module: ModuleOp, path: Path) -> None:
    """Write an IR file and its blobs beside it, all of it or nothing.

    Blobs are named after their contents, so those of another file in the same folder stay what they
    are.

    Raises:
        UserError: the place cannot be written.
    """
    folder = path.parent / SIDECAR_FOLDER
    new: list[Path] = []
    try:
        for name, contents in saved_blobs(module):
            if not folder.is_dir():
                _make_folder(folder)
            blob = folder / name
            if not blob.exists():
                new.append(blob)
            with written_whole(blob) as file:
                file.write(contents)
        # Last, because from here on the file is there.
        with written_whole(path) as file:
            file.write(print_module(module).encode())
    except BaseException:
        for blob in new:
            with suppress(OSError):
                blob.unlink()
        with suppress(OSError):  # where it holds others' blobs
            folder.rmdir()
        raise


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir()
    except OSError as error:
        raise UserError(f"{folder}: cannot be made: {error.strerror}") from error
