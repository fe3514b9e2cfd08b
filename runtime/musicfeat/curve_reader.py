"""Reader of a model's curves alone, which cost less than all of its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt

from musicfeat.model.card import CURVES
from musicfeat.model.session import Session


class CurveReader:
    """The model of a session cut down to its curves, opened when windows are first read.

    Args:
        whole: the session.
        memory: the limit that it was opened with.
        options: the options that it was opened with.
    """

    def __init__(self, whole: Session, memory: int | None, options: Mapping[str, str] | None) -> None:
        self._whole, self._limits = whole, (memory, options)
        self.names = tuple(name for name in CURVES if name in whole.outputs)

    @property
    def there(self) -> bool:
        """True if the session has the curve of cuts."""
        return "cut" in self.names

    @cached_property
    def session(self) -> Session:
        """A session of the curves; TensorRT takes minutes to build one, and runs the whole model."""
        if self._whole.device.startswith("tensorrt"):
            return self._whole
        return Session(self._whole.path, self._whole.device, self._whole.threads, self.names, *self._limits)

    def __call__(self, windows: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float32]]:
        """Each curve by name, [batch, T], for windows [batch, window]."""
        return self.session.run(windows, self.names)
