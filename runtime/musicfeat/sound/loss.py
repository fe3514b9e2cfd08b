"""What of a recording could not be decoded, counted while it is decoded, and how much of that is borne."""

from __future__ import annotations

from dataclasses import dataclass

from musicfeat.errors import AudioError

MOST_LOST = 0.05
"""Share of a recording that may be lost; above, it is refused."""
TRUNCATION_SECONDS = 0.2
"""A file that ends this much before the length that it declares is an error; ogg declares none."""


@dataclass
class Loss:
    """Seconds of sound that are missing from what was decoded."""

    seconds: float = 0.0


def check_length(name: object, decoded: float, declared: float, loss: Loss) -> None:
    """Hold what was decoded against what the file declares.

    Args:
        name: of the file, for the error.
        decoded: seconds.
        declared: seconds; 0 if the file says nothing of its length.
        loss: what was found to be damaged, and skipped.

    Raises:
        AudioError: too much is missing.
    """
    if decoded == 0:
        raise AudioError(f"{name} holds no sound: no sample could be decoded")
    if decoded + loss.seconds < declared - TRUNCATION_SECONDS:
        raise AudioError(
            f"{name} is truncated or damaged: {declared:.1f} s are declared, {decoded:.1f} s can be decoded. Fetch it "
            "again; if it plays in full elsewhere, pip install 'musicfeat[codecs]' decodes more"
        )
    if loss.seconds > MOST_LOST * (decoded + loss.seconds):
        raise AudioError(
            f"{name} is damaged: {loss.seconds:.1f} s cannot be decoded beside {decoded:.1f} s that can; at most "
            f"{MOST_LOST:.0%} may be lost. Fetch it again"
        )
