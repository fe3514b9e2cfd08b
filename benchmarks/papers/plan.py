"""Which systems of the papers are trained, and at what size: the published recipes, shrunk to hours of two cores."""

from __future__ import annotations

from dataclasses import dataclass

MUSIC = (
    'data.set={name="folder", root="$MUSICFEAT_DATA/music", table="tracks.csv",'
    ' validation_sources=["clue_cards", "marble_marcher", "minilens", "super_tux_party", "xmoto"],'
    ' test_sources=["frozen_bubble", "godot_open_rpg", "lincity_ng", "neverball", "openclonk", "tuxmath",'
    ' "ultrastar_songs", "valyriatear", "xonotic_music"]}'
)
PIANO = 'data.set.root="$MUSICFEAT_DATA/asap"'
SHORT = ('method.schedule="cosine"', "method.warmup=50", "method.patience=1000")
"""Fewer steps want a rate that falls, and no early stop."""


@dataclass(frozen=True)
class System:
    """A row of a paper's table and how it is trained here."""

    paper: str
    recipe: str
    changes: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Where its run is kept."""
        return self.recipe.replace("/", "-")


def _system(paper: str, recipe: str, data: str, steps: int, batch: int, *more: str) -> System:
    size = (f"method.steps={steps}", f"method.batch={batch}", f"method.evaluate_every={steps // 5}")
    return System(paper, recipe, (data, *SHORT, *size, *more))


HALF_HOP = "method.frontend.spec={base={n_fft=525, hop=525, n_mels=64, fmax=11025.0}, frame_hops=[1, 2, 4]}"
RESNET18 = 'method.encoder={name="resnet", depth=18}'

SYSTEMS = [
    _system("nyu", "time_reversal/10s", MUSIC, 1500, 16),
    _system("nyu", "jigsaw/resnet18-3s", MUSIC, 1500, 16),
    _system("nyu", "jigsaw/convnet_ext-3s", MUSIC, 1000, 16),
    _system("nyu", "time_reversal/5s", MUSIC, 1500, 16),
    _system("nyu", "jigsaw/convnet-3s", MUSIC, 600, 16),
    _system("nyu", "jigsaw/resnet18-1s", MUSIC, 1500, 16),
    _system("nyu", "jigsaw/convnet_ext-1s", MUSIC, 1000, 16),
    _system("nyu", "jigsaw/convnet-1s", MUSIC, 600, 16),
]
