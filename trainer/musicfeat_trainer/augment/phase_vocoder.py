"""Phase vocoder: other speeds at the same pitch (Flanagan and Golden, 1966; Dolson, 1986), for batches.

It is the plain one, as in librosa: phases of neighbouring bins are not locked to each other, so onsets smear a little.
"""

from __future__ import annotations

import torch
from torch import Tensor

WINDOW = 2048
"""Samples of a frame; 93 ms at 22.05 kHz."""
HOP = WINDOW // 4


def analysed(clips: Tensor) -> Tensor:
    """Spectra of Hann windows centred on every ``HOP``-th sample, [n, samples] -> [n, WINDOW / 2 + 1, frames]."""
    window = torch.hann_window(WINDOW, device=clips.device)
    return torch.stft(clips, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True)


def advanced(spectra: Tensor, rates: Tensor, frames: int) -> Tensor:
    """Spectra read at other speeds, [n, bins, frames]; silence beyond the end.

    Magnitudes are interpolated; phases advance from each frame to the next as they do at that place of the original.
    As frames stay ``HOP`` apart, that advance is the difference of two neighbours' phases, with nothing to unwrap.

    Args:
        spectra: [n, bins, frames of the original] complex.
        rates: frames of the original for each new one, [n] float.
        frames: number of new frames.
    """
    last = spectra.shape[2]
    place = torch.arange(frames, device=spectra.device) * rates.to(spectra.device)[:, None]
    before = place.long().clamp(max=last)
    share = (place - before).clamp(max=1.0)[:, None]
    padded = torch.nn.functional.pad(spectra, (0, 2))
    magnitude, phase = padded.abs(), padded.angle()
    early, late = _frames(magnitude, before), _frames(magnitude, before + 1)
    step = _frames(phase.diff(dim=2), before)
    turned = phase[:, :, :1] + step.cumsum(dim=2) - step
    return torch.polar(early.lerp(late, share), turned)


def synthesised(spectra: Tensor, samples: int, oversampling: int = 1) -> Tensor:
    """Sound of spectra at ``oversampling`` times the sampling rate, [n, samples * oversampling]."""
    wide = oversampling * WINDOW
    if oversampling > 1:
        spectra = oversampling * torch.nn.functional.pad(spectra, (0, 0, 0, wide // 2 + 1 - spectra.shape[1]))
    window = torch.hann_window(wide, device=spectra.device)
    return torch.istft(spectra, wide, oversampling * HOP, window=window, length=samples * oversampling)


def frames_for(samples: int) -> int:
    """Number of frames that ``samples`` need."""
    return samples // HOP + 1


def _frames(values: Tensor, index: Tensor) -> Tensor:
    """Frames [n, bins, frames] of values [n, bins, all], each clip by its own row of ``index`` [n, frames]."""
    return values.gather(2, index[:, None].expand(-1, values.shape[1], -1))
