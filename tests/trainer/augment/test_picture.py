"""Augmentations of pictures, against measurements of what they are said to do."""

from __future__ import annotations

from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

from musicfeat_trainer.augment.augmentation import Augmentation
from musicfeat_trainer.augment.grid_distortion import GridDistortion
from musicfeat_trainer.augment.grid_distortion import places as read_places
from musicfeat_trainer.augment.mixup import Mixup
from musicfeat_trainer.augment.picture import CutMix, CutOut, FlipBands, FlipTime, Mask
from musicfeat_trainer.augment.registry import PictureAugmentation
from musicfeat_trainer.augment.spec_augment import SpecAugment, warped

KINDS: tuple[type[Augmentation], ...] = get_args(get_args(PictureAugmentation)[0])
PUBLISHED = {"cutmix": 0.6, "mixup": 0.6, "mask": 0.4, "flip_time": 0.8, "flip_bands": 0.8, "cutout": 0.8}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int, channels: int = 1, frames: int = 40, bands: int = 20, seed: int = 9) -> Tensor:
    return -80 * torch.rand(count, channels, frames, bands, generator=seeded(seed))


def changed_places(change: Augmentation, clips: Tensor, seed: int = 0) -> npt.NDArray[np.bool_]:
    """[n, frames, bands]; the same in all channels."""
    different = (change(clips, seeded(seed)) != clips).numpy()
    assert (different == different[:, :1]).all()
    return different[:, 0]


def box_of(places: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns of the one box that a picture's places make."""
    rows, columns = (np.flatnonzero(places.any(axis)) for axis in (1, 0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    filled = np.zeros_like(places)
    filled[box] = True
    assert np.array_equal(places, filled)
    return box


@pytest.mark.parametrize("kind", KINDS)
def test_all_keep_shape_and_dtype_and_repeat_for_a_seed(kind: type[Augmentation]) -> None:
    change, clips = kind(probability=1.0), pictures(6, channels=3)
    before = clips.clone()
    changed = change(clips, seeded(3))
    assert changed.shape == clips.shape
    assert changed.dtype == torch.float32
    assert torch.equal(clips, before)
    torch.manual_seed(77)
    assert torch.equal(changed, change(clips, seeded(3)))
    assert not torch.equal(changed, clips)
    assert changed.min() >= clips.min()
    assert changed.max() <= clips.max()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_drawn_follows_the_pictures_to_their_device(kind: type[Augmentation]) -> None:
    clips = torch.empty(3, 2, 40, 20, device="meta")
    changed = kind().change(clips, clips, seeded())
    assert changed.device == clips.device


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_chosen_with_the_probability_and_others_stay(kind: type[Augmentation]) -> None:
    clips = pictures(300)
    changed = kind(probability=0.4)(clips, seeded(1))
    touched = int((changed != clips).flatten(1).any(1).sum())
    assert 90 <= touched <= 146  # 120 +- 3 standard deviations, few masks of no width


def test_default_probabilities_are_those_of_siamusic() -> None:
    assert {kind().name: kind().probability for kind in KINDS if kind().name in PUBLISHED} == PUBLISHED


def test_recipes_name_them() -> None:
    adapter: TypeAdapter[Augmentation] = TypeAdapter(PictureAugmentation)
    assert [type(adapter.validate_python({"name": name})) for name in PUBLISHED] == [
        CutMix,
        Mixup,
        Mask,
        FlipTime,
        FlipBands,
        CutOut,
    ]


def test_flips() -> None:
    clips = pictures(2, channels=3)
    assert np.array_equal(FlipTime(probability=1)(clips, seeded()).numpy(), clips.numpy()[:, :, ::-1])
    assert np.array_equal(FlipBands(probability=1)(clips, seeded()).numpy(), clips.numpy()[..., ::-1])


def test_mixup_of_pictures_weighs_every_place_alike() -> None:
    clips = torch.eye(40).view(40, 40, 1, 1).expand(-1, -1, 3, 2)
    mixed = Mixup(probability=1)(clips, seeded())
    assert torch.equal(mixed, mixed[:, :, :1, :1].expand_as(mixed))
    assert torch.allclose(mixed.sum(1), torch.ones(()))
    assert mixed[range(40), range(40)].min() >= 0.5


def test_cutmix_pastes_one_box_of_another_picture_in_its_place() -> None:
    count = 300
    clips = torch.arange(float(count)).view(-1, 1, 1, 1) + torch.rand(1, 1, 30, 20, generator=seeded()) / 2
    mixed = CutMix(probability=1)(clips, seeded(1))
    shares, uncut = [], []
    for own, picture in zip(clips, mixed, strict=True):
        places = (picture != own)[0].numpy()
        if not places.any():
            continue
        rows, columns = box_of(places)
        source = {int(v) for v in picture[0][rows, columns].floor().flatten()}
        assert len(source) == 1
        assert torch.equal(picture[0][rows, columns], clips[source.pop()][0][rows, columns])
        shares.append(places.mean())
        if rows.start > 0 and rows.stop < 30 and columns.start > 0 and columns.stop < 20:
            uncut.append(((rows.stop - rows.start) / 30, (columns.stop - columns.start) / 20))
    assert len(shares) > 280
    assert max(shares) < 0.53
    assert np.abs(np.diff(np.array(uncut), axis=1)).max() <= 1 / 30 + 1 / 20
    # The area is uniform up to a half before edges cut it: side s keeps 1 - s / 4 of each length on average.
    sides = np.sqrt(np.linspace(0, 0.5, 10001))
    assert np.mean(shares) == pytest.approx(np.mean((sides * (1 - sides / 4)) ** 2), abs=0.02)


def test_cutout_is_a_box_of_half_the_sides_at_the_mean() -> None:
    clips = pictures(300, channels=2)
    cut = CutOut(probability=1)(clips, seeded())
    heights, widths = [], []
    for own, picture in zip(clips, cut, strict=True):
        rows, columns = box_of((picture != own)[0].numpy())
        for channel in range(2):
            assert torch.all(picture[channel][rows, columns] == own[channel].mean())
        heights.append(rows.stop - rows.start)
        widths.append(columns.stop - columns.start)
    assert (max(heights), max(widths)) == (20, 10)
    assert (min(heights), min(widths)) == (10, 5)
    assert np.mean(heights) == pytest.approx(40 * 0.5 * (1 - 0.5 / 4), rel=0.03)


def test_mask_is_one_stripe_either_way() -> None:
    clips = pictures(400, frames=50, bands=30)
    places = changed_places(Mask(probability=1), clips)
    in_time = places.all(2).sum(1)
    in_bands = places.all(1).sum(1)
    assert not ((in_time > 0) & (in_bands > 0)).any()
    assert in_time.max() == 10
    assert in_bands.max() == 6
    assert 150 < (in_time > 0).sum() < 250
    assert np.mean(in_time[in_time > 0]) == pytest.approx(5.25, abs=0.8)
    for picture in places:
        if picture.any():
            box_of(picture)


def test_spec_augment_masks_whole_frames_and_bands_at_the_mean() -> None:
    clips = pictures(400, channels=2, frames=100, bands=80)
    change = SpecAugment()
    masked = change(clips, seeded())
    places = changed_places(change, clips)
    frames, bands = places.all(2), places.all(1)
    assert np.array_equal(places, frames[:, :, None] | bands[:, None, :])
    mean = clips.mean((2, 3), keepdim=True).expand_as(clips)
    assert torch.equal(masked[masked != clips], mean[masked != clips])
    starts = [(np.diff(x.astype(int), prepend=0, axis=1) == 1).sum(1) for x in (frames, bands)]
    assert [s.max() for s in starts] == [2, 2]
    assert frames.sum(1).max() <= 40
    assert bands.sum(1).max() <= 54
    # Two masks cover the mean of two widths, less the little where they overlap.
    assert 17 < frames.sum(1).mean() < 20
    assert 22 < bands.sum(1).mean() < 27


def test_spec_augment_of_single_masks_is_as_wide_as_asked() -> None:
    change = SpecAugment(time_masks=1, band_masks=0, widest_time=0.1)
    widths = changed_places(change, pictures(500, frames=100, bands=5)).all(2).sum(1)
    assert widths.max() == 10
    assert np.bincount(widths, minlength=11)[1:10] == pytest.approx(np.full(9, 50), abs=25)


def test_warp_moves_a_place_and_keeps_the_ends() -> None:
    ramp = torch.linspace(0, 1, 101).view(1, 1, 101, 1).expand(3, 2, 101, 4)
    place, moved = torch.tensor([0.3, 0.5, 0.8]), torch.tensor([0.4, 0.5, 0.7])
    read = warped(ramp, place, moved).numpy()
    for row, before, after in zip(read, place.numpy(), moved.numpy(), strict=True):
        expected = np.interp(np.linspace(0, 1, 101), [0, after, 1], [0, before, 1])
        assert row == pytest.approx(np.broadcast_to(expected[None, :, None], row.shape), abs=1e-5)


def test_spec_augment_warps_within_its_bound() -> None:
    ramp = torch.linspace(0, 1, 101).view(1, 1, 101, 1).expand(200, 1, 101, 3)
    read = SpecAugment(time_masks=0, band_masks=0, warp=0.1)(ramp, seeded())
    off = (read - ramp).abs().flatten(1).amax(1)
    assert off.max() <= 0.1 + 1e-5
    assert off.max() > 0.08
    assert bool((read.diff(dim=2) >= 0).all())


def test_siamusics_code_pastes_stripes_of_time() -> None:
    clips = pictures(300, frames=50)
    places = changed_places(CutMix(probability=1, stripe=0.3), clips)
    frames = places.all(2)
    assert np.array_equal(places.any(2), frames)
    for picture in places:
        if picture.any():
            box_of(picture)
    assert frames.sum(1).max() == 15
    assert frames.sum(1).mean() == pytest.approx(7.5, abs=1)


def test_siamusics_code_cuts_twenty_holes_of_up_to_five_pixels() -> None:
    clips = pictures(200, frames=200, bands=80)
    places = changed_places(CutOut(probability=1, holes=20, pixels=5), clips)
    covered = places.sum((1, 2))
    assert covered.max() <= 20 * 25
    assert covered.mean() == pytest.approx(20 * 9, rel=0.05)  # sides are 3 on average; few holes overlap
    single = changed_places(CutOut(probability=1, pixels=5), clips)
    sides = [(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in map(box_of, single)]
    assert {side for pair in sides for side in pair} == {1, 2, 3, 4, 5}


def test_grid_distortion_reads_along_a_warped_grid() -> None:
    """Against scipy's interpolation at the same places; each cell is 0.7 to 1.3 of its length before all are scaled."""
    ndimage = pytest.importorskip("scipy.ndimage", reason="the train extra is not installed")
    change, clips = GridDistortion(probability=1), pictures(20, channels=2, frames=51, bands=31)
    found = change(clips, seeded(4)).numpy()
    generator = seeded(4)
    torch.rand(20, generator=generator)
    rows, columns = (read_places(size, change._knots(20, generator)).double().numpy() for size in (51, 31))
    for picture, own, row, column in zip(found, clips.double().numpy(), rows, columns, strict=True):
        grid = np.meshgrid(row, column, indexing="ij")
        for channel in range(2):
            expected = ndimage.map_coordinates(own[channel], grid, order=1, mode="nearest")
            np.testing.assert_allclose(picture[channel], expected, atol=1e-3)
    lengths = np.diff(rows[:, ::10], axis=1) / 10
    assert np.allclose(lengths.sum(1), 5)
    assert lengths.min() > 0.7 / 1.3
    assert lengths.max() < 1.3 / 0.7
    still = GridDistortion(probability=1, limit=0)(clips, seeded())
    torch.testing.assert_close(still, clips, rtol=0, atol=1e-3)
