"""The one place that turns exceptions into text and exit codes."""

import sys
import traceback
from collections.abc import Callable

from tf2c.errors import DeviceError, UserError

OK = 0
USER_ERROR = 1
INTERNAL_ERROR = 2


def report(error: BaseException, reproducer: str | None = None) -> int:
    """Print an error on stderr and return the exit code.

    Args:
        error: what was raised.
        reproducer: how to see our own bug again; by default this command line.
    """
    if isinstance(error, UserError):
        print(f"error: {error}", file=sys.stderr)
        if error.hint is not None:
            print(f"hint: {error.hint}", file=sys.stderr)
        return USER_ERROR
    if isinstance(error, DeviceError):
        print(f"error: {error}", file=sys.stderr)
        print("hint: run again; if it happens again, report it", file=sys.stderr)
        print(f"reproduce with: {reproducer or command_line()}", file=sys.stderr)
        return INTERNAL_ERROR
    traceback.print_exception(error)
    print(f"error: a bug of tf2c: {error}", file=sys.stderr)
    print(f"reproduce with: {reproducer or command_line()}", file=sys.stderr)
    return INTERNAL_ERROR


def command_line() -> str:
    """Return this process's command line, as a shell takes it."""
    import shlex
    from pathlib import Path

    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def guarded(run: Callable[[], None]) -> int:
    """Run a command and return its exit code, whatever happens."""
    try:
        run()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        return report(error)
    return OK
