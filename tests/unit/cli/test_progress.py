"""What a terminal shows while people wait."""

from rich.console import Console
from rich.progress import Progress

from tf2c.cli.progress import ProgressLine


def test_a_step_after_images_has_no_total() -> None:
    display = Progress(console=Console(quiet=True))
    line = ProgressLine(display, "compiling")
    line.images("calibration", 3, 7)
    line.advance(2)
    (task,) = display.tasks
    assert (task.description, task.completed, task.total) == (
        "compiling: calibration images",
        5,
        7,
    )
    line.say("choose-scales done")
    (task,) = display.tasks
    assert (task.description, task.total) == ("compiling: choose-scales done", None)
