"""Lengths for which Fourier transforms are fast."""

from __future__ import annotations


def fast_length(least: int) -> int:
    """Smallest number from ``least`` on that is a power of two times 1, 3, 5, 9 or 15."""
    return min(odd << ((least - 1) // odd).bit_length() for odd in (1, 3, 5, 9, 15))
