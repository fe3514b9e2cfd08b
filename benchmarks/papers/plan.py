"""Plan of the systems to train: the papers' recipes, shrunk to hours on two cores."""

from __future__ import annotations

from dataclasses import dataclass

MUSIC = (
    'data.set={name="folder", root="$MUSICFEAT_DATA/music", table="tracks.csv",'
    ' validation_sources=["clue_cards", "marble_marcher", "minilens", "super_tux_party", "xmoto"],'
    ' test_sources=["frozen_bubble", "godot_open_rpg", "lincity_ng", "neverball", "openclonk", "tuxmath",'
    ' "ultrastar_songs", "valyriatear", "xonotic_music"]}'
)
SHORT = ("method.optimizer=adamw", "method.schedule=cosine", "method.warmup=50", "method.patience=1000")
"""Changes for fewer steps: a falling learning rate and no early stop."""
RESNET18 = 'method.encoder={name="resnet", depth=18}'
STACK = (
    'method.frontend={name="log_mel_stack", spec={base={n_fft=525, hop=525, n_mels=64, fmax=11025.0},'
    " frame_hops=[2, 2, 2]}}"
)
NO_PITCH = 'method.waveform_augment=[{name="flip_samples", probability=0.5}, {name="crop_pad"}]'


@dataclass(frozen=True)
class System:
    """A row of a paper's table and its training here."""

    paper: str
    recipe: str
    changes: tuple[str, ...]
    steps: int

    @property
    def name(self) -> str:
        """Name of the system's folder."""
        return self.recipe.replace("/", "-")


def _system(paper: str, recipe: str, steps: int, batch: int, *more: str) -> System:
    size = (f"method.steps={steps}", f"method.batch={batch}", f"method.evaluate_every={steps // 4}")
    return System(paper, recipe, (*SHORT, *size, *more), steps)


def _picture(recipe: str, steps: int) -> System:
    more = (RESNET18, STACK, NO_PITCH, "method.learning_rate=1e-3", "method.weight_decay=1e-4")
    moco = ("method.objective.queue=2048", "method.objective.momentum=0.99")
    memory = moco if recipe.startswith("moco") else ("method.objective.noise=1024",)
    return _system("berkeley", recipe, steps, 32, MUSIC, *more, *memory)


SYSTEMS = [
    *(_system("nyu", f"time_reversal/{row}", 1000, 16, MUSIC, "method.learning_rate=1e-3") for row in ("10s", "5s")),
    _picture("moco/v1", 800),
    _picture("npid", 800),
    *(
        _system("gururani", f"semantic_relevance/{row}", 1000, 16)
        for row in ("mel-mel", "sym-sym", "mel-sym", "sym-mel")
    ),
    *(
        _system("siamusic", f"siamusic/resnet50-{kind}-small", 2000, 16, MUSIC, RESNET18, "method.learning_rate=1e-4")
        for kind in ("audio", "image")
    ),
    _system("clmr", "clmr/magnatagatune", 200, 16, MUSIC),
    _system("clmr", "cpc/magnatagatune", 600, 16, MUSIC, "method.encoder.width=128", "method.schedule=constant"),
    *(_system("nyu", f"jigsaw/resnet18-{piece}", 6000, 16, MUSIC) for piece in ("3s", "1s")),
    *(_system("nyu", f"jigsaw/convnet_ext-{piece}", 1000, 16, MUSIC) for piece in ("3s", "1s")),
    *(_system("nyu", f"jigsaw/convnet-{piece}", 500, 16, MUSIC) for piece in ("3s", "1s")),
]
