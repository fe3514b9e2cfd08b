"""Memory of one vector for each training instance (Wu et al., 2018, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.distributed import gathered

SEED = 7


class MemoryBank(nn.Module):
    """Unit vectors [instances, width], each a moving average of the encodings of its instance.

    Their number is known only once the data is open, so they are neither a parameter nor a buffer but the module's
    extra state, which checkpoints keep, too; the moving average of a model keeps an empty bank. They move to the device
    of the vectors that they are first compared with. All processes of a run remember the same.
    """

    def __init__(self, width: int, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.vectors = torch.empty(0, width)

    def prepare(self, instances: int) -> None:
        """Begin with random unit vectors, unless vectors were restored.

        Raises:
            InputError: there are fewer than two instances, or another number than was restored.
        """
        if instances < 2:
            raise InputError(f"a memory bank tells instances apart, got {instances}: more music, or shorter stretches")
        if len(self.vectors) not in (0, instances):
            raise InputError(
                f"the run remembers {len(self.vectors)} stretches of music, the data now has {instances}: "
                "continue with the same data, or start in another folder with -o"
            )
        if len(self.vectors) == 0:
            drawn = torch.randn(instances, self.vectors.shape[1], generator=torch.Generator().manual_seed(SEED))
            self.vectors = nn.functional.normalize(drawn.to(self.vectors), dim=1)

    def cosines(self, vectors: Tensor) -> Tensor:
        """Cosines of unit vectors [batch, width] with all remembered ones, [batch, instances].

        Losses pick the few thousand that they drew; looking up those vectors for each clip would take more memory.
        """
        self.vectors = self.vectors.to(vectors)
        return vectors @ self.vectors.T

    def remember(self, vectors: Tensor, instances: Tensor) -> None:
        """Average the vectors [batch, width] of some instances into the memory; call it after the backward pass."""
        rows, vectors = gathered(instances).to(self.vectors.device), gathered(vectors).to(self.vectors)
        mixed = self.momentum * self.vectors[rows] + (1 - self.momentum) * vectors
        self.vectors[rows] = nn.functional.normalize(mixed, dim=1)

    def get_extra_state(self) -> Tensor:
        return self.vectors

    def set_extra_state(self, state: Tensor) -> None:
        """Restore a copy of the remembered vectors."""
        self.vectors = state.detach().clone()
