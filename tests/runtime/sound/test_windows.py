from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from musicfeat.errors import InputError
from musicfeat.sound.windows import batches, cut, pooling_weights


@pytest.mark.parametrize("length", [1, 9, 10, 11, 20, 21, 25, 100])
@pytest.mark.parametrize("hop", [3, 5, 10])
@pytest.mark.parametrize("block", [1, 4, 1000])
def test_every_sample_is_seen_and_weighs_once(length: int, hop: int, block: int) -> None:
    wave = np.arange(1, length + 1, dtype=np.float32)
    windows = list(cut([wave[i : i + block] for i in range(0, length, block)], 10, hop))
    assert len(windows) == 1 + max(0, -(-(length - 10) // hop))
    assert pooling_weights(np.array([window.valid for window in windows]), hop).sum() == length
    seen = np.zeros(length, dtype=int)
    for i, window in enumerate(windows):
        assert window.start == i * hop
        assert window.samples.shape == (10,)
        sound = wave[window.start : window.start + 10]
        np.testing.assert_array_equal(window.samples, np.pad(sound, (0, 10 - len(sound))))
        assert window.valid == len(sound)
        seen[window.start : window.start + window.valid] += 1
    assert seen.min() >= 1
    assert all(window.valid == 10 for window in windows[:-1])


def test_touching_windows_see_each_sample_once() -> None:
    windows = list(cut([np.ones(35, dtype=np.float32)], 10, 10))
    assert [window.valid for window in windows] == [10, 10, 10, 5]


def test_a_window_comes_as_soon_as_its_samples_are_there() -> None:
    def blocks() -> Iterator[np.ndarray]:
        yield np.ones(10, dtype=np.float32)
        raise AssertionError("asked for more sound than one window needs")

    assert next(cut(blocks(), 10, 10)).valid == 10


def test_batches_keep_order_and_lose_nothing() -> None:
    windows = list(cut([np.ones(95, dtype=np.float32)], 10, 10))
    grouped = list(batches(windows, 4))
    assert [len(batch) for batch in grouped] == [4, 4, 2]
    assert [window for batch in grouped for window in batch] == windows


@pytest.mark.parametrize("hop", [0, -1, 11])
def test_a_hop_that_leaves_samples_out_is_refused(hop: int) -> None:
    with pytest.raises(InputError, match="hop"):
        next(cut([np.ones(30, dtype=np.float32)], 10, hop))


def test_no_sample_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="empty"):
        next(cut([], 10, 10))
