"""``Figure`` of matplotlib, without traces in the home of a user who does not otherwise use matplotlib.

matplotlib writes a list of fonts into the user's cache and makes a folder for settings. If neither exists already,
a temporary folder holds them until the process ends.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

SETTING = "MPLCONFIGDIR"


def _settle() -> None:
    home = Path(os.path.expanduser("~"))
    if SETTING in os.environ or any((home / name / "matplotlib").is_dir() for name in (".config", ".cache")):
        return
    os.environ[SETTING] = folder = tempfile.mkdtemp(prefix="musicfeat-matplotlib-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


_settle()

from matplotlib.figure import Figure  # noqa: E402 - matplotlib reads the setting while it is loaded

__all__ = ["Figure"]
