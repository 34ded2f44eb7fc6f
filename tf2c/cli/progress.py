"""Progress on a terminal's stderr; nothing where stderr is a file or a pipe."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class ProgressLine:
    """One line: what is being done, and how far it is where that is known."""

    def __init__(self, display: "Progress", text: str) -> None:
        """Take rich's display, and what the command does."""
        self._display = display
        self._text = text
        self._task: TaskID = display.add_task(text, total=None)

    def say(self, step: str) -> None:
        """Show a step of which nobody knows how far it is."""
        # A task cannot lose the total that images gave it.
        self._display.remove_task(self._task)
        self._task = self._display.add_task(f"{self._text}: {step}", total=None)

    def images(self, purpose: str, done: int, total: int) -> None:
        """Show how many images are done."""
        self._display.update(
            self._task,
            description=f"{self._text}: {purpose} images",
            completed=done,
            total=total,
        )

    def advance(self, images: int) -> None:
        """Show that so many more images are done."""
        self._display.advance(self._task, images)


@contextmanager
def progress_line(text: str) -> Generator[ProgressLine]:
    """Show a line of progress for a while; it goes away in the end."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as display:
        yield ProgressLine(display, text)
