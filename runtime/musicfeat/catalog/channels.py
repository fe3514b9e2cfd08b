"""Reversed stretches of each channel of a file: two sides of a tape, digitised at once, run opposite ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from musicfeat.catalog.check import Verdict
from musicfeat.errors import AudioError, InputError
from musicfeat.extractor import Extractor
from musicfeat.sound.channels import channel_blocks, opened_channels
from musicfeat.suspicion import Finding, Track, reversals


def by_channel(verdicts: Iterable[Verdict], extractor: Extractor, least: float) -> Iterator[Verdict]:
    """Verdicts whose reversed stretches are those of each channel; mono files keep theirs. Files are decoded again.

    Args:
        verdicts: verdicts of ``check``.
        extractor: a model with ``reversal``.
        least: least probability of a finding.
    """
    for verdict in verdicts:
        try:
            found = channel_reversals(verdict.path, extractor, least)
        except (AudioError, InputError) as error:
            yield replace(verdict, error=verdict.error or error)
            continue
        if found is None:
            yield verdict
            continue
        found += [finding for finding in verdict.findings if finding.kind != "reversed"]
        yield replace(verdict, findings=tuple(sorted(found, key=lambda f: (f.start, f.channel or 0))))


def channel_reversals(path: str, extractor: Extractor, least: float) -> list[Finding] | None:
    """Stretches that play backwards, by channel; None if the file has one channel. It is decoded once for each.

    Raises:
        AudioError: libsndfile cannot decode the file.
    """
    with opened_channels(path) as file:
        channels, rate = file.channels, file.samplerate
    if channels == 1:
        return None
    return [
        replace(finding, channel=channel + 1)
        for channel in range(channels)
        for finding in reversals(_track(path, extractor, channel, rate), extractor.window, least)
    ]


def _track(path: str, extractor: Extractor, channel: int, rate: int) -> Track:
    """The windows of one channel."""
    found = list(extractor.stream(channel_blocks(path, channel), rate))
    rows = np.array([[i, f.starts[0], f.ends[0], f.reversal[0]] for i, f in enumerate(found)], np.float64)
    return Track(path, float(rows[-1, 2]), rows)
