"""The Spark example, run as a newcomer would, on sound that is made here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musicfeat import Extractor
from support.paths import EXAMPLES

EXAMPLE = EXAMPLES / "spark_embed.py"
FILES = 5


@pytest.fixture
def java() -> None:
    """Spark runs on Java."""
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'musicfeat[spark]'")
    pytest.importorskip("pandas", reason="pandas is not installed: pip install 'musicfeat[spark]'")
    if not shutil.which("java") and "JAVA_HOME" not in os.environ:
        pytest.skip("Java is not installed (Debian: openjdk-17-jre-headless)")


@pytest.mark.slow
@pytest.mark.usefixtures("java")
def test_spark_embed(extractor: Extractor, clip: np.ndarray, rate: int, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    music, output = tmp_path / "music", tmp_path / "embedded"
    music.mkdir()
    for number in range(FILES):
        soundfile.write(music / f"{number}.flac", np.roll(clip, number * rate), rate)
    (music / "broken.wav").write_text("no sound")
    command = [sys.executable, str(EXAMPLE), str(music), str(output), "local[2]"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{output}: {FILES} files embedded, 1 failed\n"
    rows = {Path(row["path"]).name: row for row in pq.read_table(output).to_pylist()}
    assert len(rows) == FILES + 1
    assert rows["broken.wav"]["embedding"] == []
    assert "broken.wav" in rows["broken.wav"]["error"]
    for number in range(FILES):
        found, wanted = rows[f"{number}.flac"], extractor(music / f"{number}.flac")
        np.testing.assert_allclose(found["embedding"], wanted.embedding, rtol=0, atol=1e-5)
        assert found["reversed"] == pytest.approx(wanted.reversed, abs=1e-5)
        assert found["duration"] == pytest.approx(24)
        assert found["error"] == ""


@pytest.mark.usefixtures("java")
def test_without_arguments_it_says_how_to_call_it() -> None:
    done = subprocess.run([sys.executable, str(EXAMPLE)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "python spark_embed.py" in done.stderr
