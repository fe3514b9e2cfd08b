"""The JavaScript package in Node beside the Python runtime, on the same sounds; its own tests; what it packs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr

import musicfeat
from musicfeat import Extractor
from musicfeat.sound.audio import load
from support import curved
from support.features import TOLERANCE, assert_same_features
from support.paths import WEB

SCRIPT = Path(__file__).with_name("npm_package.mjs")
RATE = 44100

pytestmark = pytest.mark.usefixtures("packages")
Job = tuple[str, list[np.ndarray], int, dict[str, Any]]


def node() -> str:
    """Node.js, or the test is skipped."""
    if not (found := shutil.which("node")):
        pytest.skip("Node.js is not installed (Debian: nodejs)")
    if not (WEB / "node_modules" / "onnxruntime-node").is_dir():
        pytest.skip("onnxruntime-node is not installed: npm ci --prefix runtime/web")
    return found


def package(folder: Path, jobs: list[Job], **options: Any) -> list[dict[str, Any]]:
    """Findings of the package."""
    asked = []
    for number, (method, waves, sr, more) in enumerate(jobs):
        paths = [folder / f"{number}-{i}.f32" for i in range(len(waves))]
        for path, wave in zip(paths, waves, strict=True):
            np.asarray(wave, dtype=np.float32).tofile(path)
        asked.append({"method": method, "waves": [str(path) for path in paths], "sr": sr, "options": more})
    text = json.dumps({"options": options, "jobs": asked})
    done = subprocess.run([node(), SCRIPT], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def sounds(clip: np.ndarray) -> dict[str, tuple[np.ndarray, int]]:
    """[channels, samples] in many guises, each with its rate."""
    stereo = np.stack([clip, 0.8 * np.roll(clip, 300)])
    paused = np.concatenate([clip[: 11 * RATE], np.zeros(12 * RATE, dtype=np.float32), clip[: 3 * RATE]])
    return {
        "stereo": (stereo, RATE),
        "faster": (soxr.resample(clip, RATE, 48000)[None], 48000),
        "the model's rate": (soxr.resample(clip, RATE, 22050)[None], 22050),
        "loud": (1000 * clip[None], RATE),
        "quiet": (1e-4 * clip[None, : 3 * RATE], RATE),
        "backwards": (clip[None, ::-1], RATE),
        "brief": (clip[None, : RATE // 2], RATE),
        "paused": (paused[None], RATE),
        "silence": (np.zeros((1, RATE), dtype=np.float32), RATE),
        "one sample": (clip[None, 1000:1001], RATE),
    }


def test_features_are_the_runtimes(sounds: dict[str, tuple[np.ndarray, int]], tmp_path: Path) -> None:
    jobs: list[Job] = [("extract", list(wave), sr, {"hop": 5}) for wave, sr in sounds.values()]
    extractor = Extractor(threads=1, hop=5)
    for (wave, sr), found in zip(sounds.values(), package(tmp_path, jobs), strict=True):
        assert_same_features(found, extractor(wave, sr))


def test_orders_are_the_runtimes(clip: np.ndarray, tmp_path: Path, extractor: Extractor) -> None:
    """Pieces that fill a slot and others, gaps told and untold, three pieces and more."""
    third = 10 * RATE // 3
    thirds = [clip[k * third : (k + 1) * third] for k in (2, 0, 1)]
    uneven = [clip[a * RATE : b * RATE] for a, b in ((9, 15), (0, 2), (2, 9), (15, 20))]
    jobs: list[Job] = [("order", thirds, RATE, {}), ("order", thirds, RATE, {"gap": 0.15})]
    jobs += [("order", uneven, RATE, {}), ("order", uneven[:2], RATE, {"gap": None})]
    for (_, pieces, _, more), found in zip(jobs, package(tmp_path, jobs), strict=True):
        expected = extractor.order(pieces, sr=RATE, gap=more.get("gap", 0.0))
        assert tuple(found["permutation"]) == expected.permutation
        np.testing.assert_allclose(found["scores"], expected.scores, rtol=1e-3, atol=5 * TOLERANCE)
        assert found["gap"] == pytest.approx(expected.gap)
        assert found["probability"] == pytest.approx(expected.probability, abs=TOLERANCE)
        assert found["shuffled"] == pytest.approx(expected.shuffled, abs=TOLERANCE)


def test_continuity_is_the_runtimes(clip: np.ndarray, tmp_path: Path, extractor: Extractor) -> None:
    spliced = np.concatenate([clip[: 7 * RATE], clip[11 * RATE : 18 * RATE]])
    (found,) = package(tmp_path, [("continuity", [spliced], RATE, {})])
    expected = extractor.continuity(spliced, sr=RATE)
    np.testing.assert_allclose(found["times"], expected.times)
    evidence = [np.array(found["evidence"]), expected.evidence]
    sure = np.abs(expected.evidence) > 9  # a float of P cannot tell such evidence any finer
    np.testing.assert_allclose(*(values[~sure] for values in evidence), rtol=1e-3, atol=5 * TOLERANCE)
    np.testing.assert_allclose(*(1 / (1 + np.exp(-values[sure])) for values in evidence), rtol=0, atol=1e-6)
    assert np.shape(found["edits"]) == np.shape(expected.edits())


def test_curves_are_the_runtimes_where_the_model_has_them(tmp_path: Path) -> None:
    """Shorter than a window, whole windows and parts of them; windows that touch and that overlap."""
    model = curved.write(tmp_path / "curved.onnx")
    waves = [curved.edited(seconds) for seconds in (0.3, 2.0, 2.9, 11.37)]
    jobs: list[Job] = [("continuity", [wave], curved.RATE, {}) for wave in waves]
    jobs += [("extract", [wave], curved.RATE, {"hop": hop}) for wave in waves for hop in (0.7, 2)]
    found = package(tmp_path, jobs, model=str(model))
    extractor = Extractor(model, threads=1)
    for wave, heard in zip(waves, found, strict=False):
        expected = extractor.continuity(wave, sr=curved.RATE)
        assert expected.backwards is not None
        np.testing.assert_allclose(heard["times"], expected.times, rtol=0, atol=1e-9)
        np.testing.assert_allclose(heard["evidence"], expected.evidence, rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(heard["edits"], expected.edits(), rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(heard["backwards"]["times"], expected.backwards.times, rtol=0, atol=1e-9)
        np.testing.assert_allclose(heard["backwards"]["values"], expected.backwards.values, rtol=0, atol=TOLERANCE)
        stretches = [[one[name] for name in ("start", "end", "probability")] for one in heard["stretches"]]
        own = [[one.start, one.end, one.probability] for one in expected.stretches(0.1)]
        np.testing.assert_allclose(stretches, own, rtol=0, atol=TOLERANCE)
    assert len(found[3]["edits"]) > 5
    assert found[3]["stretches"]
    for (_, [wave], _, more), heard in zip(jobs[4:], found[4:], strict=True):
        features = Extractor(model, threads=1, hop=more["hop"])(wave, curved.RATE)
        for name in ("cut_times", "cut_curve", "reversal_times", "reversal_curve"):
            np.testing.assert_allclose(heard[name], getattr(features, name), rtol=0, atol=TOLERANCE, err_msg=name)


@pytest.mark.slow
def test_real_tracks_are_judged_alike(music_folder: Path, tmp_path: Path, extractor: Extractor) -> None:
    """Twenty seconds of each of thirty tracks."""
    paths = sorted(path for path in music_folder.rglob("*") if path.suffix in {".ogg", ".opus", ".mp3"})
    waves = [load(path, rate=RATE)[: 20 * RATE] for path in paths[:: max(1, len(paths) // 30)][:30]]
    jobs: list[Job] = [("extract", [wave], RATE, {}) for wave in waves]
    for wave, found in zip(waves, package(tmp_path, jobs), strict=True):
        assert_same_features(found, extractor(wave, RATE))


@pytest.mark.slow
def test_the_package_passes_its_own_tests() -> None:
    node()
    done = subprocess.run(["npm", "test", "--prefix", WEB], capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout[-5000:]
    types = subprocess.run(["npm", "run", "types", "--prefix", WEB], capture_output=True, text=True, check=False)
    assert types.returncode == 0, types.stdout


def test_what_is_packed_runs_where_it_is_installed(tmp_path: Path) -> None:
    """The packed files alone, beside the libraries, in a project of its own."""
    command = [node(), "pack.mjs", "--pack-destination", str(tmp_path)]
    packed = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    assert packed.returncode == 0, packed.stderr
    assert not (WEB / "models").exists()
    modules = tmp_path / "node_modules"
    shutil.unpack_archive(next(tmp_path.glob("musicfeat-*.tgz")), modules, "gztar")
    (modules / "package").rename(modules / "musicfeat")
    for name in ("onnxruntime-node", "onnxruntime-common", "onnxruntime-web"):
        (modules / name).symlink_to(WEB / "node_modules" / name)
    files = {
        str(path.relative_to(modules / "musicfeat")) for path in (modules / "musicfeat").rglob("*") if path.is_file()
    }
    assert {"index.js", "index.d.ts", "lib/worker.js", "models/music-small.onnx", "package.json", "README.md"} <= files
    assert not [name for name in files if name.startswith(("test/", "page.js", "index.html"))]
    script = tmp_path / "use.mjs"
    script.write_text(
        'import { Extractor } from "musicfeat";\n'
        "const extractor = await Extractor.load();\n"
        "const found = await extractor.extract(new Float32Array(9999).fill(0.1), { sampleRate: 22050 });\n"
        "console.log(found.silent[0], found.embedding.length);\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(
        [node(), script],
        capture_output=True,
        text=True,
        check=False,
        env=environment | {"HOME": str(home), "XDG_CACHE_HOME": ""},
    )
    assert done.stdout == f"true {Extractor(threads=1).dimension}\n", done.stderr
    assert not list(home.rglob("*"))


def test_its_version_is_the_projects() -> None:
    assert json.loads((WEB / "package.json").read_text())["version"] == musicfeat.__version__
