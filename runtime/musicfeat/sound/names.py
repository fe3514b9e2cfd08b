"""Names of files that can be opened: one list, from which folders are searched."""

from __future__ import annotations

LIBSNDFILE = (
    *("wav", "wave", "bwf", "w64", "rf64", "flac", "aif", "aiff", "aifc", "au", "snd", "caf", "voc", "sd2", "ircam"),
    *("mp3", "mp2", "mp1", "mpga", "ogg", "oga", "opus", "spx"),
)
"""Suffixes of what libsndfile decodes."""
FFMPEG = (
    *(
        "m4a",
        "m4b",
        "m4r",
        "mp4",
        "m4v",
        "mov",
        "3gp",
        "3g2",
        "qt",
        "aac",
        "adts",
        "loas",
        "latm",
        "ac3",
        "eac3",
        "ec3",
    ),
    *("wma", "asf", "wmv", "webm", "weba", "mka", "mkv", "wv", "tta", "tak", "ape", "mpc", "mpp", "amr", "dts", "dsf"),
    *("ogv", "ogx", "ts", "mts", "m2ts", "mpg", "mpeg", "vob", "flv", "avi", "thd"),
)
"""Suffixes of what PyAV decodes, of the formats in ``ffmpeg.FORMATS``; without it such a file is named as failed."""
SUFFIXES = tuple(f".{name}" for name in LIBSNDFILE + FFMPEG)


def is_audio(name: str) -> bool:
    """Whether a file's suffix says that sound can be taken from it."""
    return name.lower().endswith(SUFFIXES)


def is_hidden(name: str) -> bool:
    """Whether a name hides a file or folder, as ``.git`` and ``._01.wav`` do; ``...And So On`` and ``.38`` do not."""
    return name.startswith(".") and (name[1:2].isalpha() or name[1:2] in ("", "_"))
