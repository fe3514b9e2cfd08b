"""Suffixes of files that can be opened; folders are searched for them."""

from __future__ import annotations

LIBSNDFILE = (
    *("wav", "wave", "bwf", "w64", "rf64", "flac", "aif", "aiff", "aifc", "au", "snd", "caf", "voc", "sd2", "ircam"),
    *("mp3", "mp2", "mp1", "mpga", "ogg", "oga", "opus", "spx"),
)
"""Suffixes of the formats that libsndfile decodes."""
FFMPEG = (
    *("m4a", "m4b", "m4r", "mp4", "m4v", "mov", "3gp", "3g2", "qt"),
    *("aac", "adts", "loas", "latm", "ac3", "eac3", "ec3"),
    *("wma", "asf", "wmv", "webm", "weba", "mka", "mkv", "wv", "tta", "tak", "ape", "mpc", "mpp", "amr", "dts", "dsf"),
    *("ogv", "ogx", "ts", "mts", "m2ts", "mpg", "mpeg", "vob", "flv", "avi", "thd"),
)
"""Suffixes of the formats in ``ffmpeg.FORMATS``, which PyAV decodes; without PyAV such a file is listed as failed."""
SUFFIXES = tuple(f".{name}" for name in LIBSNDFILE + FFMPEG)


def is_audio(name: str) -> bool:
    """True if a file's suffix is that of a format with sound."""
    return name.lower().endswith(SUFFIXES)


def is_hidden(name: str) -> bool:
    """True for names that hide a file or folder, such as ``.git`` or ``._01.wav``; not ``...And So On`` or ``.38``."""
    return name.startswith(".") and (name[1:2].isalpha() or name[1:2] in ("", "_"))
