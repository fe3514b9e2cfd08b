"""Packages of Debian's section `main` that hold music, with its place in them.

Software in `main` is free to use, change and pass on for any purpose. Packages are left out if their tracks are sound
effects, or modules that need a tracker to be played.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Package:
    """A package of music."""

    name: str
    folder: str
    """Folder of its music; paths of tracks start there."""
    licence: str | None = None
    """Licence of all its music, if its copyright file is prose and not a table."""
    without: tuple[str, ...] = ()
    """Tracks that are left out: likely copies of another one here or in the music that the bundled recipe names
    (14 found by their embeddings, five of those confirmed by their spectrograms), or not music."""


_GAMES = "usr/share/games"

PACKAGES = (
    Package("ardentryst", f"{_GAMES}/ardentryst/Music"),
    Package("asc-music", f"{_GAMES}/asc/music"),
    Package("colobot-common-sounds", f"{_GAMES}/colobot/music"),
    Package("extremetuxracer-data", f"{_GAMES}/etr/music", without=("race1-jt.ogg", "start1-jt.ogg")),
    Package("fillets-ng-data", f"{_GAMES}/fillets-ng/music", "GPL-2"),
    Package("flare-game", f"{_GAMES}/flare/mods/fantasycore/music", without=("battle_theme.ogg", "wind_ambient.ogg")),
    Package("freedroidrpg-data", "usr/share/freedroidrpg/data/sound/music"),
    Package("fretsonfire-songs-muldjord", f"{_GAMES}/fretsonfire/data/songs/muldjord", "CC-BY-SA-3.0"),
    Package("fretsonfire-songs-sectoid", f"{_GAMES}/fretsonfire/data/songs/sectoid", "Expat"),
    Package("hyperrogue-music", "usr/share/hyperrogue/music"),
    Package("megaglest-data", f"{_GAMES}/megaglest/techs/megapack/factions/*/music"),
    Package("naev-data", "usr/share/naev/dat/snd/music", without=("peace6.ogg",)),
    Package("scorched3d-data", f"{_GAMES}/scorched3d/data/globalmods/none/data/music"),
    Package("supertuxkart-data", f"{_GAMES}/supertuxkart/data/music"),
    Package("ufoai-music", f"{_GAMES}/ufoai/base/music"),
    Package(
        "unknown-horizons",
        "usr/share/unknown-horizons/content/audio/music",
        without=("menu/main_theme.ogg", "music.ogg", "music2.ogg", "newfrontier.ogg", "nightdream.ogg", "seafight.ogg"),
    ),
    Package("warzone2100-music", f"{_GAMES}/warzone2100/music"),
    Package(
        "wesnoth-1.16-music",
        f"{_GAMES}/wesnoth/1.16/data/core/music",
        "GPL-2+",
        without=("elvish-theme.ogg", "into_the_shadows.ogg"),
    ),
    Package("widelands-data", f"{_GAMES}/widelands/data/music", without=("menu.ogg",)),
)
