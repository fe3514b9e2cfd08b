"""Order of pieces from their periods: music repeats, and a wrong join breaks the period."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor, nn


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
        self.key = nn.Linear(inputs, heads * width)
        first_across = 2 * cut + 1
        self.shared_lags = range(first_across, self.length)
        last_across = first_across + 2 * (self.length - 1) - (least_frames - 1)
        self.across_lags = range(first_across, last_across + 1)
        curves = 2 * (self.length - 1) + len(self.across_lags) + len(self.shared_lags)
        self.local = nn.Sequential(
            nn.Conv1d(4 * heads, local, 5, padding=2), nn.ReLU(), nn.Conv1d(local, local, 5, padding=2), nn.ReLU()
        )
        self.compare = perceptron(heads * curves + 2 * local, hidden, dropout)
        self.reach = self.length - least_frames
        self.compare_apart = perceptron(heads * (2 * (self.length - 1) + 2 * self.reach + 1), hidden, dropout)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Features [batch, pieces, T, inputs] and mask [batch, pieces, T] -> two tables of scores.

        Returns:
            Scores of "a directly before b" and of "a two before b", both [batch, pieces, pieces], row a, column b,
            in nats up to a constant. Diagonals are 0.
        """
        inside = slice(self.cut, self.cut + self.length)
        keys = self.keys(features[:, :, inside], mask[:, :, inside])
        return self.scores(keys, mask[:, :, inside])

    def keys(self, x: Tensor, mask: Tensor) -> Tensor:
        """Unit keys of inputs, [batch, pieces, n, inputs] -> [batch, pieces, heads, n, width], 0 where masked."""
        weight = mask[..., None]
        k = self.key(x) * weight
        mean = k.sum(dim=(1, 2), keepdim=True) / weight.sum(dim=(1, 2), keepdim=True).clamp(min=1.0)
        k = (k - mean) * weight
        batch, pieces, n, _ = k.shape
        k = k.reshape(batch, pieces, n, self.heads, self.width).transpose(2, 3)
        return k / ((k * k).sum(dim=-1, keepdim=True) + 1e-6).sqrt()

    def scores(self, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Two tables of scores, [batch, pieces, pieces] each, from unit keys and their mask [batch, pieces, n]."""
        pieces, n = keys.shape[1], self.length
        within, between = self.profiles(keys, mask)
        first, second = ordered_pairs(pieces)
        across, far = between[..., : len(self.across_lags)], between[..., n - 1 - self.reach : n + self.reach]
        within_first, within_second = picked(within, first), picked(within, second)
        shared = slice(self.shared_lags.start - 1, None)
        at_lags = [within_first[..., shared], within_second[..., shared], across[..., : len(self.shared_lags)]]
        product = at_lags[2] * (at_lags[0] + at_lags[1])
        local = self.local(torch.cat([*at_lags, product], dim=2).flatten(0, 1))
        local = torch.cat([local.mean(2), local.amax(2)], dim=1).unflatten(0, (-1, len(first)))
        curves = torch.cat([within_first, within_second, across, product], dim=3).flatten(2)
        adjacent = self.compare(torch.cat([curves, local], dim=2)).squeeze(2)
        apart = self.compare_apart(torch.cat([within_first, within_second, far], dim=3).flatten(2)).squeeze(2)
        sounds = (mask.sum(2) > 0).to(keys.dtype)
        both = picked(sounds, first) * picked(sounds, second)
        return table(adjacent * both, pieces), table(apart * both, pieces)

    def profiles(self, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mean product of frame i of a and frame j of b at each distance j - i.

        Returns:
            Within each piece, [batch, pieces, heads, n - 1], distances from 1 on; and between the pairs of
            ``ordered_pairs``, [batch, pairs, heads, 2n - 1], distances from -(n - 1) to n - 1.
        """
        pieces = keys.shape[1]
        own, (first, second) = list(range(pieces)), ordered_pairs(pieces)
        half = len(first) // 2  # the other half are the same two pieces, read backwards
        rows, columns = own + first[:half], own + second[:half]
        similarity = picked(keys, rows) @ picked(keys.transpose(-1, -2), columns)
        count = picked(mask, rows)[:, :, None, :, None] * picked(mask, columns)[:, :, None, None, :]
        found = diagonal_sums(similarity) / diagonal_sums(count).clamp(min=1.0)
        between = found[:, pieces:]
        return found[:, :pieces, :, self.length :], torch.cat([between, between.flip(-1)], dim=1)


def ordered_pairs(pieces: int) -> tuple[list[int], list[int]]:
    """First and second members of all pairs of pieces: a before b, then the same pairs with b before a."""
    first, second = (list(column) for column in zip(*combinations(range(pieces), 2), strict=True))
    return first + second, second + first


def table(values: Tensor, pieces: int) -> Tensor:
    """Table of the values of ``ordered_pairs``, [batch, pairs] -> [batch, pieces, pieces], 0 on the diagonal."""
    place = {pair: i for i, pair in enumerate(zip(*ordered_pairs(pieces), strict=True))}
    order = [place.get((row, column), len(place)) for row in range(pieces) for column in range(pieces)]
    return picked(nn.functional.pad(values, (0, 1)), order).unflatten(1, (pieces, pieces))


def picked(x: Tensor, places: list[int]) -> Tensor:
    """Entries of axis 1 at ``places``, in that order; indexing by a list would export as one operator for all axes."""
    return x.index_select(1, torch.tensor(places, device=x.device))


def perceptron(inputs: int, hidden: tuple[int, int], dropout: float) -> nn.Sequential:
    """Perceptron with two hidden layers and one output."""
    return nn.Sequential(
        nn.Linear(inputs, hidden[0]), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden[0], hidden[1]), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden[1], 1),
    )  # fmt: skip


def diagonal_sums(matrix: Tensor) -> Tensor:
    """Sum every diagonal of [..., n, n] -> [..., 2n - 1], from lowest left to highest right.

    Rows of n zeros and n values, laid end to end and cut again into rows of 2n + 1, shift by one
    column a row: diagonals become columns. It needs only padding and reshapes, which every engine has.
    """
    *lead, n, _ = matrix.shape
    flat = nn.functional.pad(matrix, (n, 0)).reshape(*lead, 2 * n * n)
    return nn.functional.pad(flat, (0, n)).reshape(*lead, n, 2 * n + 1).sum(dim=-2)[..., 1 : 2 * n]
