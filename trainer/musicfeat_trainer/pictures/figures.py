"""matplotlib, from which ``Figure`` is taken, without traces in the home of a user who does not use it otherwise.

It would write a list of the fonts into the user's cache, and make a folder for settings. Where neither is there
already, a folder takes them that vanishes with the process.
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
