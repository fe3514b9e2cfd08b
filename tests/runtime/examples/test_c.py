"""The C example, built and run as its first lines say, against the Python runtime on the same files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from musicfeat import Extractor
from support.paths import EXAMPLES, ROOT

SOURCE = EXAMPLES / "musicfeat.c"
MODEL = ROOT / "runtime" / "musicfeat" / "models" / "music-small.onnx"
RATE = 22050
HEADER = "onnxruntime_c_api.h"
PACKAGE = "com.github.asus4.onnxruntime@0.4.9"
"""An npm package for Unity that holds the C headers; Debian has them only from its release 13 on."""
PACKED_HEADERS = "package/Plugins/iOS~/onnxruntime.xcframework/ios-arm64_x86_64-simulator/onnxruntime.framework/Headers"
HEADER_FOLDERS = (os.environ.get("ONNXRUNTIME_INCLUDE"), "/usr/include/onnxruntime", "/usr/local/include/onnxruntime")


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the C headers; they may be older than the library, not newer."""
    for folder in HEADER_FOLDERS:
        if folder and (Path(folder) / HEADER).is_file():
            return Path(folder)
    folder = tmp_path_factory.mktemp("headers")
    pack = ["npm", "pack", "--silent", "--fetch-retries=0", PACKAGE]
    if shutil.which("npm") and not subprocess.run(pack, cwd=folder, capture_output=True, check=False).returncode:
        with tarfile.open(next(folder.glob("*.tgz"))) as archive:
            archive.extractall(folder, [m for m in archive if m.name.startswith(PACKED_HEADERS)], filter="data")
        return folder / PACKED_HEADERS
    return pytest.skip(
        f"no {HEADER} (Debian: libonnxruntime-dev, or npm, which fetches {PACKAGE}; or set ONNXRUNTIME_INCLUDE)"
    )


@pytest.fixture(scope="module")
def library(headers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the library of the installed onnxruntime under the names that linker and loader look for."""
    from musicfeat.ort import onnxruntime

    folder = Path(onnxruntime.__file__).parent / "capi"
    libraries = sorted(folder.glob("libonnxruntime.so.*"))
    if not libraries:
        pytest.skip(f"onnxruntime {onnxruntime.__version__} has no libonnxruntime.so in {folder}")
    wanted = int(re.findall(r"define ORT_API_VERSION (\d+)", (headers / HEADER).read_text())[0])
    if wanted > int(onnxruntime.__version__.split(".")[1]):
        pytest.skip(f"the headers want API {wanted}, onnxruntime is only {onnxruntime.__version__}: update it")
    links = tmp_path_factory.mktemp("library")
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (links / name).symlink_to(libraries[-1])
    return links


@pytest.fixture(scope="module")
def program(headers: Path, library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built without a warning."""
    if not (compiler := shutil.which("gcc") or shutil.which("cc")):
        pytest.skip("no C compiler (Debian: gcc, libc6-dev)")
    path = tmp_path_factory.mktemp("program") / "musicfeat"
    strict = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    where = ["-isystem", str(headers), "-L", str(library), f"-Wl,-rpath,{library}"]
    command = [compiler, *strict, str(SOURCE), "-o", str(path), *where, "-lonnxruntime", "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def song(clip: np.ndarray, rate: int) -> np.ndarray:
    """Music at the model's rate."""
    return soxr.resample(clip, rate, RATE)


def run(program: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program), *map(str, words)], capture_output=True, text=True, check=False)


def judged(out: str, name: str) -> list[float]:
    return [float(number) for number in re.findall(rf"P\({name}\) ([\d.]+)", out)]


@pytest.mark.parametrize(
    ("style", "subtype", "level"), [("WAV", "PCM_16", 0.5), ("WAV", "FLOAT", 1e-4), ("WAVEX", "FLOAT", 30.0)]
)
def test_it_finds_what_the_runtime_finds(
    program: Path,
    extractor: Extractor,
    song: np.ndarray,
    tmp_path: Path,
    style: str,
    subtype: str,
    level: float,
) -> None:
    """Forwards and then shuffled, in stereo, at several levels, the last window not full."""
    shuffled = np.concatenate([song[k * RATE // 2 : (k + 5) * RATE // 2] for k in (20, 5, 15, 0, 10)])
    sound = level * np.concatenate([song[: 10 * RATE], shuffled[::-1], song[: 2 * RATE]])
    path = tmp_path / "song.wav"
    soundfile.write(path, np.stack([sound, 0.25 * sound], 1), RATE, format=style, subtype=subtype)
    expected = extractor(path)
    done = run(program, MODEL, path)
    assert done.returncode == 0, done.stderr
    starts = [float(start) for start in re.findall(r"^ *([\d.]+) s  P", done.stdout, re.M)]
    assert starts == pytest.approx(expected.starts)
    assert judged(done.stdout, "backwards") == pytest.approx(expected.reversal, abs=1e-3)
    whole = expected.ends - expected.starts == extractor.window
    assert judged(done.stdout, "out of order") == pytest.approx(expected.jigsaw[whole], abs=1e-3)
    tags = {name: float(value) for value, name in re.findall(r"^ +([\d.]+)  (\w+)$", done.stdout, re.M)}
    best = sorted(expected.tags, key=lambda name: -expected.tags[name])[:5]
    assert list(tags) == best
    assert list(tags.values()) == pytest.approx([expected.tags[name] for name in best], abs=1e-3)


def test_silence_and_short_ends_are_not_judged(
    program: Path, extractor: Extractor, song: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, np.concatenate([song[: 10 * RATE], np.zeros(10 * RATE), song[: RATE // 2]]), RATE)
    done = run(program, MODEL, path)
    lines = done.stdout.splitlines()
    assert lines[1:3] == ["   10.00 s  silent", "   20.00 s  too short to judge"]
    value, name = lines[3].split()
    assert float(value) == pytest.approx(extractor(path).tags[name], abs=1e-3)


def test_what_follows_the_samples_is_not_heard(program: Path, song: np.ndarray, tmp_path: Path) -> None:
    path, longer = tmp_path / "song.wav", tmp_path / "longer.wav"
    soundfile.write(path, song[: 11 * RATE], RATE, subtype="PCM_16")
    longer.write_bytes(path.read_bytes() + b"LIST" + (50000).to_bytes(4, "little") + bytes(range(250)) * 200)
    assert run(program, MODEL, longer).stdout == run(program, MODEL, path).stdout != ""


def test_bad_input_is_one_line_with_the_mend(program: Path, song: np.ndarray, tmp_path: Path) -> None:
    other_rate, other_bits, text = (tmp_path / name for name in ("rate.wav", "bits.wav", "text.wav"))
    soundfile.write(other_rate, song[:RATE], 44100)
    soundfile.write(other_bits, song[:RATE], RATE, subtype="PCM_24")
    text.write_text("RIFF, but no sound")
    for words, mend in (
        ((MODEL, other_rate), f"-ar 22050 song.wav, or musicfeat-export {MODEL} -o model.onnx --resample 44100"),
        ((MODEL, other_bits), "-c:a pcm_s16le"),
        ((MODEL, text), "ffmpeg -i"),
        ((MODEL, tmp_path / "missing.wav"), "cannot be opened"),
        ((text, other_rate), "ONNX Runtime: "),
        ((MODEL,), "usage: "),
    ):
        done = run(program, *words)
        assert done.returncode == 1
        assert mend in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert done.stdout == ""


def test_the_example_is_short() -> None:
    lines = SOURCE.read_text().splitlines()
    assert len(lines) <= 100
    assert max(map(len, lines)) <= 120
