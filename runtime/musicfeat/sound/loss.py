"""Sound lost in decoding: counted while a recording is decoded, and limited."""

from __future__ import annotations

from dataclasses import dataclass

from musicfeat.errors import AudioError

MOST_LOST = 0.05
"""Greatest share of a recording that may be lost; above it, the recording is refused."""
TRUNCATION_SECONDS = 0.2
"""Seconds missing at the end of the declared length that make a file an error; ogg declares no length."""
LEAST_LOST = 0.025
"""Seconds missing on the way that are reported; about one frame of most codecs."""


@dataclass
class Loss:
    """Seconds of sound missing from a decoded recording."""

    seconds: float = 0.0


def check_length(name: object, decoded: float, declared: float, loss: Loss, whole: bool = False) -> None:
    """Compare the decoded length with the length that the file declares.

    Args:
        name: name of the file, for the error.
        decoded: seconds decoded.
        declared: seconds declared; 0 if the file declares no length.
        loss: damaged sound that was skipped.
        whole: True if the end of the recording was reached, so that what is missing was lost on the way.

    Raises:
        AudioError: too much is missing.
    """
    if decoded == 0:
        raise AudioError(f"{name} holds no sound: no sample could be decoded")
    missing = declared - decoded - loss.seconds
    if whole and missing > LEAST_LOST:
        loss.seconds += missing
    elif missing > TRUNCATION_SECONDS:
        raise AudioError(
            f"{name} is truncated or damaged: {declared:.1f} s are declared, {decoded:.1f} s can be decoded. Fetch it "
            "again; if it plays in full elsewhere, pip install 'musicfeat[codecs]' decodes more"
        )
    if loss.seconds > MOST_LOST * (decoded + loss.seconds):
        raise AudioError(
            f"{name} is damaged: {loss.seconds:.1f} s cannot be decoded beside {decoded:.1f} s that can; at most "
            f"{MOST_LOST:.0%} may be lost. Fetch it again"
        )
