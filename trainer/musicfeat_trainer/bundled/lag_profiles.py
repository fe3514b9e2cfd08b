"""Order of pieces from their periods: music repeats, and a wrong join breaks the period."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Keys(NamedTuple):
    """Keys of all frames of a window, and which frames sound."""

    values: Tensor  # [batch, heads, width, T]
    mask: Tensor  # [batch, T], 1 for a frame that sounds


class LagConv(nn.Conv1d):
    """Convolution over lag with stride 1, of [batch, channels, 1, lags]: ONNX Runtime convolves pictures faster."""

    def forward(self, input: Tensor) -> Tensor:
        padding = (0, int(self.padding[0]))
        return nn.functional.conv2d(input, self.weight[:, :, None], self.bias, padding=padding)


class LagProfiles(nn.Module):
    """Scorer of "a directly before b" for all pairs of pieces by their similarity over lag.

    Every frame of a piece becomes a few unit vectors, the heads' keys, with the mean over all pieces
    subtracted. The products of all frames of a with all frames of b, averaged along diagonals, measure how
    alike sounds are that lie a given time apart; within one piece the same diagonals show its
    period. For each head, a small network reads the curves within a, within b, across the join, and
    the product of across and within, at lags that include the gap between the pieces.

    The first and last ``cut`` frames of each piece are not read, as in Addepalli et al. (2019), who
    cut five pixels: neither the continuity of the waveform nor padding can be seen. ``2 * cut`` frames
    is therefore the distance between two neighbours, however much of it is really missing.
    """

    waves: Tensor
    turned: Tensor
    distances: Tensor

    def __init__(
        self,
        inputs: int,
        piece_frames: int,
        cut: int = 6,
        heads: int = 6,
        width: int = 16,
        hidden: tuple[int, int] = (160, 64),
        local: int = 32,
        least_frames: int = 13,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.cut, self.heads, self.width = cut, heads, width
        self.length = piece_frames - 2 * cut
        self.inside = slice(cut, cut + self.length)
        self.key = nn.Linear(inputs, heads * width)
        for name, matrix in zip(("waves", "turned", "distances"), correlating(self.length), strict=True):
            self.register_buffer(name, matrix, persistent=False)
        first_across = 2 * cut + 1
        self.shared_lags = range(first_across, self.length)
        last_across = first_across + 2 * (self.length - 1) - (least_frames - 1)
        self.across_lags = range(first_across, last_across + 1)
        curves = 2 * (self.length - 1) + len(self.across_lags) + len(self.shared_lags)
        self.local = nn.Sequential(
            LagConv(4 * heads, local, 5, padding=2), nn.ReLU(), LagConv(local, local, 5, padding=2), nn.ReLU()
        )
        self.compare = perceptron(heads * curves + 2 * local, hidden, dropout)
        self.reach = self.length - least_frames
        self.compare_apart = perceptron(heads * (2 * (self.length - 1) + 2 * self.reach + 1), hidden, dropout)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Features [batch, channels, bands, pieces * T] and mask [batch, pieces, T] -> two tables of scores.

        Returns:
            Scores of "a directly before b" and of "a two before b", both [batch, pieces, pieces], row a, column b,
            in nats up to a constant. Diagonals are 0.
        """
        return self.of_keys(self.keys(features), mask)

    def of_keys(self, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The same tables from ``keys``."""
        adjacent, apart = self.pair_scores(keys, mask)
        return table(adjacent, mask.shape[1]), table(apart, mask.shape[1])

    def keys(self, features: Tensor) -> Tensor:
        """Keys of all frames, [batch, heads, width, pieces * T], of any length."""
        weight = self.key.weight.unflatten(1, features.shape[1:3])[..., None]
        return (
            nn.functional.conv2d(features, weight, self.key.bias).flatten(1, 2).unflatten(1, (self.heads, self.width))
        )

    def pair_scores(self, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Scores in the two tables of ``of_keys``, [batch, pairs] each, in the order of ``ordered_pairs``."""
        inside, mask = keys.unflatten(3, mask.shape[1:])[..., self.inside], mask[:, :, self.inside]
        n = self.length
        unit = unit_keys(inside.flatten(3), mask.flatten(1)).unflatten(3, inside.shape[3:])
        within, between = self.profiles(unit, mask)
        between = torch.cat([between, between.flip(-1)], dim=1)  # the same two pieces, read backwards
        first, second = ordered_pairs(mask.shape[1])
        within_first, within_second = picked(within, first), picked(within, second)
        far = between[..., n - 1 - self.reach : n + self.reach]
        apart = compared(self.compare_apart, torch.cat([within_first, within_second, far], dim=3).flatten(2))
        adjacent = self.adjacent(within_first, within_second, between)
        sounds = mask.amax(2)
        both = picked(sounds, first) * picked(sounds, second)
        return adjacent * both, apart * both

    def runs_on(self, keys: Tensor, mask: Tensor) -> Tensor:
        """Score of "the first directly before the second", [batch], from unit keys and mask of two pieces as above."""
        within, between = self.profiles(keys, mask)
        return self.adjacent(within[:, :1], within[:, 1:], between).squeeze(1) * mask.amax(2).prod(1)

    def adjacent(self, within_first: Tensor, within_second: Tensor, between: Tensor) -> Tensor:
        """Scores of "a directly before b", [batch, pairs], from ``profiles`` of the two and between them."""
        across, shared = between[..., : len(self.across_lags)], slice(self.shared_lags.start - 1, None)
        at_lags = [within_first[..., shared], within_second[..., shared], across[..., : len(self.shared_lags)]]
        product = at_lags[2] * (at_lags[0] + at_lags[1])
        local = self.local(torch.cat([*at_lags, product], dim=2).flatten(0, 1)[:, :, None]).squeeze(2)
        local = torch.cat([local.mean(2), local.amax(2)], dim=1).unflatten(0, between.shape[:2])
        curves = torch.cat([within_first, within_second, across, product], dim=3).flatten(2)
        return compared(self.compare, torch.cat([curves, local], dim=2))

    def profiles(self, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mean product of frame i of a and frame j of b at each distance j - i.

        Returns:
            Within each piece, [batch, pieces, heads, n - 1], distances from 1 on; and between a and each later b,
            [batch, pairs, heads, 2n - 1], distances from -(n - 1) to n - 1.
        """
        pieces = mask.shape[1]
        own, pairs = list(range(pieces)), combinations(range(pieces), 2)
        first, second = (list(column) for column in zip(*pairs, strict=True))
        rows, columns = own + first, own + second
        count = self.correlations(mask[:, None, None], rows, columns).clamp(min=1.0)
        found = (self.correlations(keys, rows, columns) / count).transpose(1, 2)
        return found[:, :pieces, :, self.length :], found[:, pieces:]

    def correlations(self, x: Tensor, rows: list[int], columns: list[int]) -> Tensor:
        """Sums over i of x[i] of one piece times x[i + d] of another, [..., width, pieces, n] -> [..., pairs, 2n - 1].

        They are products in the frequency domain: no matrix of all frames with all frames is summed along diagonals.
        """
        spectrum = x @ self.waves
        first, second, turned = (
            picked(spectrum, rows, 3),
            picked(spectrum, columns, 3),
            picked(x @ self.turned, columns, 3),
        )
        return torch.cat([(first * second).sum(2), (first * turned).sum(2)], dim=-1) @ self.distances


def unit_keys(keys: Tensor, mask: Tensor) -> Tensor:
    """Keys [batch, heads, width, T] of length 1, their mean over all that sounds subtracted; 0 where the mask is,
    [batch, T].
    """
    mask = mask[:, None, None]
    share = mask / mask.sum(dim=3, keepdim=True).clamp(min=1.0)
    centred = keys - keys @ share.transpose(2, 3)
    return centred * (mask / ((centred * centred).sum(dim=2, keepdim=True) + 1e-6).sqrt())


def ordered_pairs(pieces: int) -> tuple[list[int], list[int]]:
    """First and second members of all pairs of pieces: a before b, then the same pairs with b before a."""
    first, second = (list(column) for column in zip(*combinations(range(pieces), 2), strict=True))
    return first + second, second + first


def table(values: Tensor, pieces: int) -> Tensor:
    """Table of the values of ``ordered_pairs``, [batch, pairs] -> [batch, pieces, pieces], 0 on the diagonal."""
    place = {pair: i for i, pair in enumerate(zip(*ordered_pairs(pieces), strict=True))}
    order = [place.get((row, column), len(place)) for row in range(pieces) for column in range(pieces)]
    return picked(nn.functional.pad(values, (0, 1)), order).unflatten(1, (pieces, pieces))


def picked(x: Tensor, places: list[int], axis: int = 1) -> Tensor:
    """Entries of an axis at ``places``, in that order; indexing by a list would export as one operator for all axes."""
    return x.index_select(axis, torch.tensor(places, device=x.device))


def compared(network: nn.Module, pairs: Tensor) -> Tensor:
    """Scores [batch, pairs] by a perceptron of what is known of each pair, [batch, pairs, inputs].

    Products of matrices, not of stacks of them, fuse with what follows in ONNX Runtime.
    """
    return network(pairs.flatten(0, 1)).reshape(-1, pairs.shape[1])


def perceptron(inputs: int, hidden: tuple[int, int], dropout: float) -> nn.Sequential:
    """Perceptron with two hidden layers and one output."""
    return nn.Sequential(
        nn.Linear(inputs, hidden[0]), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden[0], hidden[1]), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden[1], 1),
    )  # fmt: skip


def correlating(n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Matrices of the correlation of two series of n values by a DFT of 2n - 1 points.

    Returns:
        The DFT, real parts before imaginary ones, [n, 2n]; the same times -i, conjugated, [n, 2n]; and from products of
        the first with either to sums at the distances from -(n - 1) to n - 1, [4n, 2n - 1].
    """
    points, frequency = 2 * n - 1, torch.arange(n, dtype=torch.float64)
    angle = 2 * torch.pi / points * torch.outer(torch.arange(n), frequency)
    real, imaginary = angle.cos(), -angle.sin()
    back = 2 * torch.pi / points * torch.outer(frequency, torch.arange(1 - n, n))
    weight = torch.where(frequency > 0, 2.0, 1.0)[:, None] / points
    cosines, sines = weight * back.cos(), -weight * back.sin()
    waves, turned = torch.cat([real, imaginary], dim=1), torch.cat([imaginary, -real], dim=1)
    return waves.float(), turned.float(), torch.cat([cosines, cosines, sines, sines]).float()
