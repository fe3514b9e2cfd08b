"""All errors that this package raises on purpose, under one root class."""

from __future__ import annotations


class MusicfeatError(Exception):
    """Root of all errors of this package: catch this one to catch them all."""

    path: str | None = None
    """The file that failed, if several are processed."""


class InputError(MusicfeatError, ValueError):
    """An argument cannot be used as it is: wrong shape, type, value or rate."""


class AudioError(MusicfeatError):
    """A file cannot be decoded: missing, not audio, truncated or damaged."""


class ModelError(MusicfeatError):
    """A model file is missing, damaged, or does not keep the model contract."""


class DeviceError(MusicfeatError):
    """The requested device is not available, or not really used."""


class CatalogError(MusicfeatError):
    """A catalog cannot be used as it is: damaged, in use, made with other settings, or not writable."""
