"""Tags taught on the listening page: what its server answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

for name in ("pyarrow", "portalocker", "starlette", "uvicorn", "sklearn"):
    pytest.importorskip(name, reason="the extra musicfeat[listen] is not installed")

# ruff: noqa: E402
from musicfeat.catalog import Catalog
from support.listening import OWN, Client, serving
from support.made import made_catalog, made_settings, made_track

D = 8


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    tracks = []
    for number in range(60):
        own = draw.standard_normal(D)
        own[0] += 8.0 * (number % 2)
        tracks.append(
            made_track(f"/m/{number:02}.ogg", own + 0.3 * draw.standard_normal((2, D)), title=f"Song {number}")
        )
    return made_catalog(tmp_path / "c", [tracks], made_settings(D)).folder


def post(client: Client, path: str, body: object = None) -> tuple[int, dict]:
    answer = client.ask(path, "POST", OWN, json.dumps(body or {}).encode())
    return answer.status, answer.json


def test_a_tag_is_taught_by_answers(folder: Path) -> None:
    with serving(folder) as client:
        state = client.get("/api/teach/wild")
        assert (state["counts"], state["told"], len(state["next"])) == ({"no": 0, "yes": 0}, None, 8)
        for _ in range(20):
            track = state["next"][0]
            label = ("no", "yes")[int(track["name"].split()[-1]) % 2]
            status, state = post(client, "/api/teach/wild", {"track": track["id"], "label": label})
            assert status == 200
            assert track["id"] not in {one["id"] for one in state["next"]}
        assert "get the right label; guessing gives 50 %" in state["told"]
    with serving(folder) as client:  # answers outlive the server
        assert sum(client.get("/api/teach/wild")["counts"].values()) == 20
        status, done = post(client, "/api/teach/wild/finish")
        assert (status, Path(done["head"]).name) == (200, "wild.json")
    rows = Catalog(folder).table(["title", "wild"]).to_pylist()
    right = [(row["wild"]["yes"] > 0.5) == (int(row["title"].split()[-1]) % 2 == 1) for row in rows]
    assert np.mean(right) > 0.8


def test_answers_can_be_taken_back(folder: Path) -> None:
    with serving(folder) as client:
        post(client, "/api/teach/wild", {"track": 3, "label": "yes"})
        assert post(client, "/api/teach/wild", {"track": 3, "label": "no"})[1]["counts"] == {"no": 1, "yes": 0}
        assert post(client, "/api/teach/wild", {"track": 3, "label": None})[1]["counts"] == {"no": 0, "yes": 0}


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/api/teach/My%20Tag", {"track": 3, "label": "yes"}, 422, "small letters, digits and _"),
        ("/api/teach/..%2Fx", {"track": 3, "label": "yes"}, 405, ""),
        ("/api/teach/wild", {"track": 99, "label": "yes"}, 404, "no track 99"),
        ("/api/teach/wild", {"track": "3", "label": "yes"}, 404, "no track '3'"),
        ("/api/teach/wild", {"track": 3, "label": "maybe"}, 422, "yes, no or null"),
        ("/api/teach/wild/finish", {}, 422, "at least two different labels"),
    ],
)
def test_wrong_requests_are_refused(folder: Path, path: str, body: object, status: int, message: str) -> None:
    with serving(folder) as client:
        answer = client.ask(path, "POST", OWN, json.dumps(body).encode())
        assert answer.status == status
        assert message.encode() in answer.body
        assert not list(folder.glob("heads/*.json"))


def test_groups_of_tracks_are_answered(tmp_path: Path) -> None:
    places = ["/m/pop/80s/a.ogg", "/m/pop/80s/b.ogg", "/m/pop/c.ogg", "/m/d.ogg"]
    artists = ["Nina", None, "nina", "Olaf"]
    tracks = [made_track(place, np.eye(D)[:2], artist=artist) for place, artist in zip(places, artists, strict=True)]
    folder = made_catalog(tmp_path / "c", [tracks], made_settings(D)).folder
    with serving(folder) as client:
        assert client.get("/api/catalog")["groups"] == {"artist": "Artist", "folder2": "Folder, 2 deep"}
        assert client.get("/api/groups/artist") == {"names": ["Nina", "Olaf", "nina"], "of": [0, None, 2, 1]}
        assert client.get("/api/groups/folder2") == {"names": ["pop", "pop/80s"], "of": [1, 1, 0, None]}
        assert client.get("/api/tracks?search=olaf")[0]["artist"] == "Olaf"
        assert client.ask("/api/groups/genre").status == 404
