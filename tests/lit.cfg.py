# pyright: reportUndefinedVariable=false
"""The lit suite: `lit tests` runs it all, `lit tests/filecheck/cli` a folder, and so on.

`test_source_root` stays this folder, so that a path given to lit is the path on disk.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lit.formats import ShTest

if TYPE_CHECKING:
    from lit.TestingConfig import TestingConfig

    config: TestingConfig

config.name = "tf2c"
config.test_format = ShTest()
config.suffixes = [".mlir"]

checkout = Path(__file__).parent.parent
# `%t` files go where builds go, so that the tree stays clean.
config.test_exec_root = str(checkout / "build" / "lit")

# The tools of the interpreter that runs lit, not those that happen to be installed beside it.
tools = str(Path(sys.executable).parent)
config.environment["PATH"] = os.pathsep.join((tools, config.environment["PATH"]))

# A hanging compiler is a failure of one test, not of the run. (Needs psutil.)
config.maxIndividualTestTime = 60
