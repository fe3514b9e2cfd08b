"""Files that broke decoders, given to the page's decoder in headless Chromium: all of the sound, or words."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from support.browser import Page, Site
from support.coded import write_coded
from support.hostile import Encoded, hostile_coded, hostile_wavs

DECODE = """
const [content, name, done] = arguments;
(async () => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const { decode } = await import("/web/lib/audio.js");
  const { mixed } = await import("/web/lib/sound.js");
  const { channels, sampleRate } = await decode(new File([bytes], name));
  const mono = mixed(channels);
  return [mono.length / sampleRate, mono.reduce((most, value) => Math.max(most, Math.abs(value)), 0)];
})().catch((error) => `${error.name}: ${error.message}`).then(done);
"""
UNLIKE = {
    "a chunk of odd length that is not padded": "cannot be decoded",
    "no samples": "cannot be decoded",
    "text": "cannot be decoded",
    "half a flac": "is truncated or damaged",
    "half an mp3": "is truncated or damaged",
}
"""Words where Chromium's decoder refuses what others hear, or has words of its own."""


def decoded(page: Page, name: str, case: Encoded) -> str | list[float]:
    """Words of the error; or seconds of sound, and its greatest sample once it is mixed."""
    return page.browser.execute_async_script(DECODE, base64.b64encode(case.data).decode(), f"{name}.{case.suffix}")


def test_all_of_the_sound_or_words(shared_page: Page, site: Site, clip: np.ndarray, rate: int) -> None:
    shared_page.browser.get(site.url + "lib/errors.js")
    sound = clip[: 3 * rate]
    peak = float(np.abs(sound).max())
    for name, case in {**hostile_wavs(sound, rate), **hostile_coded(sound, rate)}.items():
        found = decoded(shared_page, name, case)
        if words := UNLIKE.get(name) or case.elsewhere or case.words:
            assert words in str(found), name
            continue
        assert not isinstance(found, str), f"{name}: {found}"
        length = {"silence": 1, "one sample": 1 / rate, "denormal numbers": 1}.get(name, 6 if "joined" in name else 3)
        assert found[0] == pytest.approx(length, abs=0.3 if case.suffix != "wav" else 1e-3), name
        if "cancel" in name:
            assert found[1] > 0.1 * peak, name


def test_joined_and_halved_m4a(shared_page: Page, site: Site, clip: np.ndarray, rate: int, tmp_path: Path) -> None:
    how = {"format": "mp4", "options": {"movflags": "faststart"}}
    path = write_coded(tmp_path / "a.m4a", clip[: 3 * rate], rate=rate, **how)
    shared_page.browser.get(site.url + "lib/errors.js")
    data = path.read_bytes()
    for content, words in ((data * 2, "recordings joined end to end"), (data[: len(data) // 2], "is truncated")):
        assert words in str(decoded(shared_page, "a", Encoded("m4a", content)))
    whole = decoded(shared_page, "a", Encoded("m4a", data))
    assert not isinstance(whole, str)
    assert whole[0] == pytest.approx(3, abs=0.1)
