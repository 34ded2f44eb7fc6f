"""Find the OpenCL templates: in the installed wheel, or in the checkout."""

from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

import jinja2


def _template_folder() -> Traversable:
    packaged = files("tf2c") / "_templates"
    if packaged.is_dir():
        return packaged
    return Path(__file__).parents[3] / "kernels" / "templates"


def load_template(name: str) -> jinja2.Template:
    """Return the template `name`, which may include its neighbors by name.

    Undefined names are errors, and rendering adds nothing that depends on the machine.
    """
    with as_file(_template_folder()) as folder:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder),
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
        )
        return environment.get_template(name)
