"""Hostile sounds, in memory and as files: what broke decoders, with what must come of each in every language."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from support.coded import encoded

HEARD = ""


class Samples(NamedTuple):
    """Sound in memory."""

    channels: np.ndarray
    """[channels, samples] float32."""
    rate: float
    words: str = HEARD
    """Words of the error; none if the sound is heard."""


class Encoded(NamedTuple):
    """Content of a file."""

    suffix: str
    data: bytes
    words: str = HEARD
    """Words of the error; none if all of it is heard, as Python hears it."""
    elsewhere: str = HEARD
    """Words of the error in other languages where Python hears it, or has words of its own."""


def hostile_samples(sound: np.ndarray, rate: int) -> dict[str, Samples]:
    """Guises of [samples]."""
    nan, infinite = sound.copy(), sound.copy()
    nan[len(nan) // 2], infinite[-1] = np.nan, -np.inf
    late = np.stack([sound, -sound])
    late[1, 1 << 15 :] *= -1
    return {
        "channels that cancel": Samples(np.stack([sound, -sound]), rate),
        "channels that nearly cancel": Samples(np.stack([sound, -0.9 * sound]), rate),
        "channels that hardly cancel": Samples(np.stack([sound, -0.5 * sound]), rate),
        "channels that cancel at first": Samples(late, rate),
        "four channels that cancel": Samples(np.stack([0 * sound, sound, -sound, 0 * sound]), rate),
        "one channel that sounds": Samples(np.stack([0 * sound, sound]), rate),
        "silence": Samples(np.zeros((2, rate), np.float32), rate),
        "one sample": Samples(sound[None, 1000:1001], rate),
        "denormal numbers": Samples(np.full((1, rate), 1e-42, np.float32), rate),
        "loud as no sound is": Samples(1e29 * sound[None], rate),
        "NaN": Samples(nan[None], rate, "audio holds NaN or infinite values"),
        "infinity": Samples(np.stack([sound, infinite]), rate, "audio holds NaN or infinite values"),
        "numbers beyond sense": Samples(np.full((1, 9), 2e30, np.float32), rate, "audio holds NaN or infinite values"),
        "nothing": Samples(np.zeros((1, 0), np.float32), rate, "empty"),
        "a rate of 999 Hz": Samples(sound[None], 999, "must be a whole number of Hz from 1000 to 1536000, got 999"),
        "a rate of 2 MHz": Samples(sound[None], 2_000_000, "must be a whole number of Hz from 1000 to 1536000"),
        "samples as channels": Samples(sound[: 65 * 3].reshape(65, 3), rate, "65 channels"),
    }


def hostile_wavs(sound: np.ndarray, rate: int) -> dict[str, Encoded]:
    """WAV files with [samples], and files that only say that they are some."""
    wav = encoded(sound, rate)
    data = wav.index(b"data")
    stereo = {name: encoded(one.channels.T, rate, "FLOAT") for name, one in hostile_samples(sound, rate).items()
              if one.words == HEARD and "as no sound is" not in name}  # fmt: skip
    broken = encoded(hostile_samples(sound, rate)["NaN"].channels.T, rate, "FLOAT")
    odd = b"bext\3\0\0\0abc"
    cases = {
        "whole": Encoded("wav", wav),
        "never closed": Encoded("wav", _sized(wav, 0, 0)),
        "written to a pipe": Encoded("wav", _sized(wav, 0xFFFFFFFF, 0xFFFFFFFF)),
        "written to a pipe by SoX": Encoded("wav", _sized(wav, 0x7FFFF024, 0x7FFFF000)),
        "a chunk of odd length": Encoded("wav", wav[:data] + odd + b"\0" + wav[data:]),
        "a chunk of odd length that is not padded": Encoded("wav", wav[:data] + odd + wav[data:]),
        "chunks behind the sound": Encoded("wav", wav + b"LIST\4\0\0\0INFO"),
        "zeros behind the sound": Encoded("wav", wav + bytes(5000)),
        "half a file": Encoded("wav", wav[: len(wav) // 2], "is truncated or damaged"),
        "two files joined": Encoded("wav", wav + wav, HEARD, "recordings joined end to end"),
        "two files joined, written to a pipe": Encoded(
            "wav", 2 * _sized(wav, 0xFFFFFFFF, 0xFFFFFFFF), HEARD, "recordings joined end to end"
        ),
        "two files joined, never closed": Encoded("wav", 2 * _sized(wav, 0, 0), HEARD, "recordings joined end to end"),
        "no samples": Encoded("wav", wav[: data + 4] + bytes(4), "holds no sound"),
        "no samples, but a chunk": Encoded("wav", wav[: data + 4] + b"\0\0\0\0LIST\4\0\0\0INFO", "holds no sound"),
        "no bytes": Encoded("wav", b"", "is empty (0 bytes)"),
        "text": Encoded("wav", b"To play: with a light hand, and not too fast.\n" * 99, "not a", "not a"),
        "NaN in a file": Encoded("wav", broken, "audio holds NaN or infinite values"),
        "a rate of 999 Hz": Encoded("wav", encoded(sound, 999), "must be a whole number of Hz from 1000 to 1536000"),
    }
    return cases | {name: Encoded("wav", content) for name, content in stereo.items()}


def hostile_coded(sound: np.ndarray, rate: int) -> dict[str, Encoded]:
    """Files that are coded, for decoders of other formats than WAV."""
    flac, mp3, ogg = (encoded(sound, rate, None, kind) for kind in ("FLAC", "MP3", "OGG"))
    return {
        "half a flac": Encoded("flac", flac[: len(flac) // 2], "damaged"),
        "half an mp3": Encoded("mp3", mp3[: len(mp3) // 2], "damaged"),
        "two flacs joined": Encoded("flac", flac + flac),
        "two mp3s joined": Encoded("mp3", mp3 + mp3),
        "two oggs joined": Encoded("ogg", ogg + ogg),
    }


def _sized(wav: bytes, riff: int, data: int) -> bytes:
    """A WAV file whose sizes are others."""
    place = wav.index(b"data") + 4
    return wav[:4] + riff.to_bytes(4, "little") + wav[8:place] + data.to_bytes(4, "little") + wav[place + 4 :]
