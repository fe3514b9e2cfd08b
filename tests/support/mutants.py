"""Short valid files of every format that can be written here, and damaged copies of them.

Used by ``hostile.py``, by ``fuzz.py`` and by tests.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

SECONDS = 0.2
UNKNOWN_BY_CONTENT = ("RAW", "SD2")
"""A raw file has no header, and SD2 keeps its own in a second file."""
SUFFIXES = {"OPUS": "opus", "WAVEX": "wav", "RF64": "wav", "NIST": "wav"}
WITH_AV = {
    "m4a-aac.m4a": ("ipod", "aac", "mono"),
    "m4a-surround.m4a": ("ipod", "aac", "7.1"),
    "m4a-alac.m4a": ("ipod", "alac", "stereo"),
    "aac-adts.aac": ("adts", "aac", "stereo"),
    "webm-opus.webm": ("webm", "libopus", "mono"),
}
"""File name to container, codec and channels, as FFmpeg names them."""
HEADER = 256
"""Most of a format's numbers stand in its first bytes."""
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)

Generator = np.random.Generator


def write_seeds(folder: Path) -> list[Path]:
    """Write one short file of every format and coding that libsndfile and, where it is installed, PyAV can write."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = []
    for container in sorted(set(soundfile.available_formats()) - {*UNKNOWN_BY_CONTENT}):
        for coding in sorted(soundfile.available_subtypes(container)):
            suffix = SUFFIXES.get(coding, SUFFIXES.get(container, container.lower()))
            path = folder / f"{container}-{coding}.{suffix}".lower()
            if _written(path, container, coding):
                seeds.append(path)
    mp3 = folder / "mp3-mpeg_layer_iii.mp3"
    bare = folder / "mp3-without_length_header.mp3"
    bare.write_bytes(without_length_header(mp3.read_bytes()))
    return [*seeds, bare, *_written_with_av(folder)]


def without_length_header(mp3: bytes) -> bytes:
    """Drop the first frame, which holds the Xing or Info header: up to the next frame that begins like it."""
    return mp3[mp3.index(mp3[:2], 4) :]


def _sound(rate: int, channels: int) -> np.ndarray:
    time = np.arange(int(SECONDS * rate)) / rate
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (channels, len(time)))
    return np.asarray(0.5 * np.sin(2 * np.pi * 440 * time) + noise, dtype=np.float32)


def _written(path: Path, container: str, coding: str) -> bool:
    """Write a file that can be read again; stereo where the format allows it."""
    for rate, channels in ((24000, 2), (8000, 1)):
        try:
            soundfile.write(path, _sound(rate, channels).T, rate, coding, format=container)
            soundfile.read(path)
        except soundfile.LibsndfileError:
            path.unlink(missing_ok=True)
        else:
            return True
    return False


def _written_with_av(folder: Path) -> list[Path]:
    try:
        import av
    except ImportError:
        return []
    paths = []
    for name, (container, codec, layout) in WITH_AV.items():
        paths.append(path := folder / name)
        with av.open(str(path), "w", format=container) as file:
            stream = file.add_stream(codec, rate=48000, layout=layout)
            sound = _sound(48000, stream.layout.nb_channels)
            frame = av.AudioFrame.from_ndarray(sound.T.reshape(1, -1), format="flt", layout=layout)
            frame.sample_rate = 48000
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                file.mux(packet)
    return paths


def write_mutants(folder: Path, count: int, seed: int) -> list[Path]:
    """Write damaged files, every format as often as every other and its codings in turn.

    The valid files are written into ``folder/seeds``. The same seed damages the same places; a mutant's name begins
    with its number and ends with the name of the valid file.
    """
    groups: dict[str, list[Path]] = {}
    for path in write_seeds(folder / "seeds"):
        groups.setdefault(path.name.split("-")[0], []).append(path)
    formats, paths = list(groups.values()), []
    for number in range(count):
        codings = formats[number % len(formats)]
        origin = codings[number // len(formats) % len(codings)]
        paths.append(folder / f"{number:06}-{origin.name}")
        paths[-1].write_bytes(mutate(origin.read_bytes(), np.random.default_rng((seed, number))))
    return paths


def mutate(data: bytes, generator: Generator) -> bytes:
    """Damage a file in one to four ways, drawn at random."""
    for kind in generator.integers(0, len(KINDS), generator.integers(1, 5)):
        data = KINDS[kind](data, generator)
    return data


def _flip_bits(data: bytes, generator: Generator) -> bytes:
    damaged = bytearray(data)
    for place in _places(data, generator, int(generator.integers(1, 9))):
        damaged[place] ^= 1 << generator.integers(8)
    return bytes(damaged)


def _set_number(data: bytes, generator: Generator) -> bytes:
    """Overwrite a number, most often in the header, with an extreme one."""
    size, order = int(generator.choice([1, 2, 4, 4, 8])), "little" if generator.integers(2) else "big"
    number = int(NUMBERS[generator.integers(len(NUMBERS))]) % (1 << 8 * size)
    damaged = bytearray(data)
    for place in _places(data, generator, 1):
        start = place // 2 * 2
        damaged[start : start + size] = number.to_bytes(size, order)
    return bytes(damaged)


def _cut_end(data: bytes, generator: Generator) -> bytes:
    return data[: generator.integers(len(data) + 1)]


def _cut_out(data: bytes, generator: Generator) -> bytes:
    start, stop = _span(data, generator)
    return data[:start] + data[stop:]


def _insert(data: bytes, generator: Generator) -> bytes:
    start, _ = _span(data, generator)
    return data[:start] + generator.bytes(int(generator.integers(1, 64))) + data[start:]


def _repeat(data: bytes, generator: Generator) -> bytes:
    start, stop = _span(data, generator)
    return data[:stop] + data[start:stop] * int(generator.integers(1, 4)) + data[stop:]


def _fill(data: bytes, generator: Generator) -> bytes:
    """Overwrite a range with zeros or ones."""
    start, stop = _span(data, generator)
    return data[:start] + (b"\0", b"\xff")[generator.integers(2)] * (stop - start) + data[stop:]


def _swap(data: bytes, generator: Generator) -> bytes:
    """Let two neighbouring ranges change places."""
    start, stop = _span(data, generator)
    middle = (start + stop) // 2
    return data[:start] + data[middle:stop] + data[start:middle] + data[stop:]


def _places(data: bytes, generator: Generator, count: int) -> list[int]:
    """Places to damage, three in four of them in the header."""
    if not data:
        return []
    end = min(len(data), HEADER) if generator.integers(4) else len(data)
    return [int(place) for place in generator.integers(0, end, count)]


def _span(data: bytes, generator: Generator) -> tuple[int, int]:
    """A range, short as often as long; it may be empty."""
    start = int(generator.integers(len(data) + 1))
    longest = len(data) if generator.integers(2) else 64
    return start, min(len(data), start + int(generator.integers(longest + 1)))


KINDS: tuple[Callable[[bytes, Generator], bytes], ...] = (
    _flip_bits,
    _set_number,
    _set_number,
    _cut_end,
    _cut_out,
    _insert,
    _repeat,
    _fill,
    _swap,
)
