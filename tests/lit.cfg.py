# ruff: noqa: F821 - lit defines `config`
"""The lit suite: `lit tests` runs it all, `lit tests/filecheck/cli` a folder.

`test_source_root` stays this folder, so that a path given to lit is the path on disk; only
`filecheck/` has files of the suffix.
"""

import os
import sys
from pathlib import Path

from lit.formats import ShTest

config.name = "tf2c"
config.test_format = ShTest()
config.suffixes = [".mlir"]

# `%t` files go where builds go, so that the tree stays clean.
config.test_exec_root = str(Path(__file__).parent.parent / "build" / "lit")

# The tools of the interpreter that runs lit, not those that happen to be installed beside it.
tools = str(Path(sys.executable).parent)
config.environment["PATH"] = os.pathsep.join((tools, config.environment["PATH"]))

# A hanging compiler is a failure of one test, not of the run. (Needs psutil.)
config.maxIndividualTestTime = 60
