"""Every benchmark runs and prints its tables; what they measure is not judged here."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile

from support import teacher
from support.browser import MissingError, install
from support.paths import ROOT

pytest.importorskip("librosa", reason="the benchmark extra is not installed")

from musicfeat import Extractor
from musicfeat.sound.log_mel import LogMelSpec

BENCHMARKS = ROOT / "benchmarks"
PRINTED = {
    "latency.py --rounds 1 --hours 0.01": "MFCC; process launch; peak memory; wheel",
    "listen.py --rows 400 --rounds 1 --no-better": "first start; neighbours of a window; memory; principal components",
    "edge.py --tracks 1 --rounds 1": (
        "fp32 to fp16; fp32 to int8; plays backwards?; real notes; least cosine; x real time"
    ),
    "catalog/check.py --limit 1": "| the track plays backwards | 2 |; | 15 to 40 s; (--edits); on beats; MP3; jigsaw",
    "catalog/tapes.py --tracks 2": "| 2 | ; backward sides found; ROC AUC; | 0.5 |; | 1.06 |",
    "catalog/throughput.py --hours 0.07 --rounds 1 --workers 1": (
        "| musicfeat embed, all outputs | 0.1 |; without jigsaw"
    ),
    "quality/compare.py --pairs 2 --copies 1": (
        "| **all** | 6 | ; | cut |; | speed changed |; 3 % of speed, MP3: 0 of 0; of music on one core"
    ),
}
"""Command of a benchmark -> what it prints, among the rest."""
NEEDED = {"listen.py": "uvicorn", "edge.py": "onnxscript", "catalog": "pyarrow"}
"""File or folder of benchmarks -> module of another extra."""


pytestmark = pytest.mark.slow


def run(name: str, *arguments: str, data: Path | None = None) -> str:
    environment = {**os.environ, **({"MUSICFEAT_DATA": str(data)} if data else {})}
    command = [sys.executable, str(BENCHMARKS / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def npm_packages() -> None:
    """The packages of runtime/web, installed."""
    if not shutil.which("node"):
        pytest.skip("Node.js is not installed (Debian: nodejs)")
    try:
        install()
    except MissingError as error:
        pytest.skip(str(error))


def test_frontend() -> None:
    out = run("frontend.py", "--rounds", "1", "--frames", "1024")
    assert out.count("| DFT factorised: a grouped convolution, a product |") == 1
    assert "librosa melspectrogram" in out
    assert "| 1024 / 512, 64 bands to 11025 Hz | 64 x 16 |" in out


@pytest.mark.parametrize(("way", "operator"), [("stft", "STFT"), ("convolution", "Conv")])
def test_the_ways_of_the_frontend_are_their_own(way: str, operator: str, tmp_path: Path) -> None:
    from frontend import DenseLogMel, StftLogMel, in_onnxruntime

    spec = LogMelSpec()
    module = StftLogMel(spec, convolution=False) if way == "stft" else DenseLogMel(spec, convolution=True)
    in_onnxruntime(module, np.zeros((1, 10 * spec.hop), np.float32), tmp_path, way)
    assert operator in {node.op_type for node in onnx.load(tmp_path / f"{way}.onnx").graph.node}


def test_cqt(tmp_path: Path) -> None:
    out = run("cqt.py", "--rounds", "1", data=tmp_path)
    assert "| librosa.cqt (not exported, no decibels) |" in out
    assert out.count("levels of quarter rates") == 3
    assert "| synthesised music |" in out


def test_resample() -> None:
    out = run("resample.py", "--rounds", "1")
    assert out.count("| two matrix products |") == out.count("| soxr HQ") == 4


@pytest.mark.usefixtures("npm_packages")
@pytest.mark.parametrize("where", ["cpu", "page"])
def test_web_parity(where: str, data: Path) -> None:
    if where == "page" and not shutil.which("chromedriver"):
        pytest.skip("Chromium's driver is not installed (Debian: chromium-driver)")
    out = run("web_parity.py", "--tracks", "2", "--windows", "1", "--on", where, data=data)
    for words in ("| 2 tracks,", "| embeddings |", "| P(backwards) of the whole |"):
        assert words in out


@pytest.fixture(scope="module")
def data(
    tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int, write_notes: Callable[[Path, int], None]
) -> Path:
    """The folders that the quality benchmark reads, with our own sound."""
    folder, recipe = tmp_path_factory.mktemp("data"), json.loads(Extractor().card.recipe)
    (folder / "music").mkdir()
    with (folder / "music" / "tracks.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "source", "noncommercial"])
        for i, source in enumerate(recipe["data"]["test_sources"][:2] * 2):
            name = f"{source}{i}.flac"
            soundfile.write(folder / "music" / name, np.roll(np.tile(clip, 2), i * rate)[: 40 * rate], rate)
            writer.writerow([name, source, "no"])
        for i in range(9):
            soundfile.write(folder / "music" / f"other{i}.flac", np.roll(clip, i * rate)[: 11 * rate], rate)
            writer.writerow([f"other{i}.flac", "other", "no"])
    for kind in ("rain", "dog"):
        (folder / "esc10" / kind).mkdir(parents=True)
        for fold in (1, 2):
            sound = clip[fold * rate : (fold + 5) * rate] * (kind == "dog") + 0.01
            soundfile.write(folder / "esc10" / kind / f"{fold}-{kind}-A.wav", sound, rate)
    write_notes(folder / "notes", rate)
    (folder / "teachers").mkdir()
    teacher.write(folder / "teachers" / "sums.onnx")
    return folder


@pytest.fixture(scope="module")
def printed_quality(data: Path, sound_font: Path | None) -> str:
    """Output of the quality benchmark, with rendered music where FluidSynth and a sound font are there."""
    font, scores = data / "another.sf2", data / "scores.json"  # a name that no recipe trained on
    if sound_font:
        font.symlink_to(sound_font)
        write_midi(data / "midi", json.loads(Extractor().card.recipe)["rendered"]["test_sources"][0])
    on = f"esc10={data / 'esc10'}"
    out = run("quality", "--font", str(font), "--json", str(scores), "--on", on, data=data)
    assert 0 <= json.loads(scores.read_text())["reversal, all"] <= 1
    return out


def write_midi(folder: Path, source: str) -> None:
    """45 s of a cello."""
    import mido

    track = mido.MidiTrack([mido.Message("program_change", channel=0, program=42, time=0)])
    for second in range(45):
        track.append(mido.Message("note_on", channel=0, note=50 + second % 7, velocity=100, time=0))
        track.append(mido.Message("note_off", channel=0, note=50 + second % 7, time=960))
    (folder / source).mkdir(parents=True)
    mido.MidiFile(tracks=[track]).save(folder / source / "a.mid")
    (folder / "midi.csv").write_text(f"path,source\n{source}/a.mid,{source}\n")


@pytest.mark.parametrize("command", PRINTED)
def test_a_benchmark_prints_its_tables(command: str, data: Path) -> None:
    script, *options = command.split()
    if module := NEEDED.get(script.split("/")[0]):
        pytest.importorskip(module, reason=f"{module} is not installed")
    out = run(script, *options, data=data)
    for words in PRINTED[command].split("; "):
        assert words in out


def test_quality(printed_quality: str) -> None:
    for words in ("| reversal |", "order of 3", "order of 5", "gap unknown", "calibration", "16.7 %", "ROC AUC"):
        assert words in printed_quality
    for words in ("one false alarm", "rank@100", "ESC-10", "real note", "tags, top-1", "source of a clip", "esc10"):
        assert words in printed_quality
    for words in ("95 %", "| sums |", "likeness of clips", "milliseconds for 10 s"):  # certainty, and a peer
        assert words in printed_quality


def test_quality_of_cuts(data: Path, tmp_path: Path) -> None:
    out = run("quality/cuts.py", "--limit=1", "--excerpts=1", "--curves", str(tmp_path / "curves.csv"), data=data)
    for words in ("| hard |", "| in pauses |", "then MP3", "spectral flux", "novelty", "chance", "times the embedding"):
        assert words in out
    with (tmp_path / "curves.csv").open(newline="") as file:
        curves = list(csv.DictReader(file))
    assert {row["detector"] for row in curves} == {"ours", "spectral flux", "novelty of self-similarity"}
    assert all(0 <= float(row["precision"]) <= 1 and 0 <= float(row["recall"]) <= 1 for row in curves)


@pytest.mark.usefixtures("fluidsynth")
def test_quality_of_rendered_music(printed_quality: str) -> None:
    assert "rendered ensembles" in printed_quality
    assert "held-out font, own instruments" in printed_quality


def test_catalog_duplicates(data: Path, clip: np.ndarray, rate: int) -> None:
    pytest.importorskip("pyarrow", reason="the catalog extra is not installed")
    for name in ("percussion/bass-drum", "percussion/snare-drum", "percussion/chinese-hand-cymbals",
                 "percussion/woodblock", "guitar/a", "guitar/b"):  # fmt: skip
        path = data / "notes" / f"{name}.flac"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, clip[len(name) * 1000 :][: rate // 2] * np.linspace(1, 0, rate // 2), rate)
    out = run("catalog/duplicates.py", "--short", "--limit", "1", "--verify", data=data)
    assert "| pairs of different sounds taken for one | 0 of 0 |" in out
    for words in ("| loops of one drum kit |", "| recorded notes |", "| MP3, 44.1 kHz | 1 of 1 |"):
        assert words in out


def test_catalog_robustness() -> None:
    pytest.importorskip("portalocker", reason="the catalog extra is not installed")
    pytest.importorskip("psutil", reason="psutil is not installed")
    small = ["--kills", "2", "--files", "6", "--mutants", "27", "--many", "20", "--hours", "0.05"]
    out = run("catalog/robustness.py", *small)
    assert "rows lost / doubled / torn | 0 / 0 / 0 | 0 / 0 / 0 |" in out
    assert "wrong rows | 0 / 0 / 0 / 0 / 0 / 0 | 0 / 0 / 0 / 0 / 0 / 0 |" in out
    assert out.count("peak memory of all processes") == 2


@pytest.mark.usefixtures("npm_packages")
def test_edge_engines(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="the export extra is not installed")
    out = run("edge.py", "engines", "--rounds", "1", "--windows", "2", data=tmp_path)
    rows = [line for line in out.splitlines() if "| WebAssembly in Node |" in line]
    assert [row.split(" | ")[0] for row in rows] == ["| fp32", "| stored16", "| int8"]
    assert float(rows[0].split(" | ")[-3]) < 1e-3


def test_edge_narrow(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="the export extra is not installed")
    out = run("edge.py", "narrow", "--rounds", "1", "--levels", "native", "sse", "--layers", data=tmp_path)
    assert out.count("| all that this CPU has |") == 3
    assert "fp32 / librosa" in out
    assert "8 bits and back" in out


@pytest.mark.skipif(sys.platform != "linux", reason="a process's memory is read from Linux's /proc")
def test_edge_memory() -> None:
    pytest.importorskip("onnxscript", reason="the export extra is not installed")
    out = run("edge.py", "memory", "--limit", "512")
    for words in ("| one window judged |", "| weights mapped from a file |", "In a control group of 512 MiB: "):
        assert words in out
    assert "killed" not in out
