"""The listening page's server hands out nothing but what the catalog lists, to nobody but its own page."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import soundfile

for name in ("pyarrow", "portalocker", "starlette", "uvicorn"):
    pytest.importorskip(name, reason="the extra musicfeat[listen] is not installed")
psutil = pytest.importorskip("psutil", reason="psutil is not installed")

# ruff: noqa: E402
from musicfeat.catalog import embed_catalog
from musicfeat.listen.guard import HEADERS, Guard
from musicfeat.listen.ranges import wanted
from support.listening import OWN, Client, command, serving
from support.mutants import write_mutants

SECRET = b"secret: not for the page"
MUTANTS = 54
"""Two of every format."""
pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs links, pipes and signals as POSIX has them")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    """A folder with ``music``, its ``catalog``, and a file that is not for the page."""
    root = tmp_path_factory.mktemp("secure")
    (root / "music" / "a").mkdir(parents=True)
    for name in ("one.wav", "two.wav"):
        soundfile.write(root / "music" / "a" / name, clip[: 11 * rate], rate)
    (root / "secret.wav").write_bytes(SECRET)
    embed_catalog([root / "music"], root / "catalog", workers=1)
    return root


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """The music, to be tampered with: a copy with the times of change kept."""
    shutil.copytree(made / "music", tmp_path / "music")
    return tmp_path / "music"


@pytest.fixture(scope="module")
def client(made: Path) -> Iterator[Client]:
    with serving(made / "catalog", most_bytes=3_000_000) as client:
        yield client


ESCAPES = (
    *("/../../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2f..%2fetc%2fpasswd", "//etc/passwd"),
    *("/....//....//etc/passwd", "/..%5c..%5csecret.wav", "/index.html%00.wav", "/../catalog.json", "/%c0%ae%c0%ae/x"),
    *("/api/tracks/..%2f..%2fsecret.wav/audio", "/api/tracks/0/../../../secret.wav", "/api/tracks/0%2f..%2f1/audio"),
    *("/api/tracks/0;/etc/passwd/audio", "/api/tracks/%30%00/audio", "/api/tracks/+0/audio", "/api/tracks/0.0/audio"),
    *("/api/game/..%2f..%2fsecret/0.wav", "/api/analyse/..%2f..%2fsecret.wav/backwards", "/server.py", "/../server.py"),
    *("/../library.py", "/%2e%2e/library.py", "/vendor/../../library.py", "/vendor/..%2f..%2flibrary.py"),
)


@pytest.mark.parametrize("path", ESCAPES)
def test_no_path_leads_out(client: Client, path: str) -> None:
    answer = client.ask(path)
    assert answer.status in (400, 404, 405, 422)
    assert SECRET not in answer.body
    assert b"root:" not in answer.body
    assert b"import" not in answer.body


def test_a_link_that_leads_out_is_not_followed(made: Path, place: Path) -> None:
    (place / "a" / "one.wav").unlink()
    (place / "a" / "one.wav").symlink_to(made / "secret.wav")
    with serving(made / "catalog", place / "a") as client:
        assert [track["present"] for track in client.get("/api/tracks")] == [False, True]
        for path in ("audio", "picture", "backwards"):
            answer = client.ask(f"/api/tracks/0/{path}")
            assert (answer.status, "symbolic link" in answer.json["error"]) == (422, True)
        assert client.play("/api/game", {"pieces": 3, "track": 0}).status == 422


def test_a_folder_that_became_a_link_out_is_not_followed(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "a", place / "b")
    embed_catalog([place], tmp_path / "catalog", workers=1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "one.wav").write_bytes(SECRET)
    shutil.rmtree(place / "a")
    (place / "a").symlink_to(tmp_path / "other")
    with serving(tmp_path / "catalog") as client:
        assert client.ask("/api/tracks/0/audio").status == 422
        assert client.ask("/api/tracks/2/audio").status == 200
    with serving(tmp_path / "catalog", tmp_path) as client:
        assert client.ask("/api/tracks/0/audio").status == 422


def test_the_audio_root_may_be_a_link(made: Path, place: Path, tmp_path: Path) -> None:
    (tmp_path / "root").symlink_to(place / "a")
    with serving(made / "catalog", tmp_path / "root") as client:
        assert client.ask("/api/tracks/0/audio").status == 200


def test_a_link_within_the_folder_is_followed(made: Path, place: Path) -> None:
    (place / "a" / "one.wav").rename(place / "kept.wav")
    (place / "a" / "one.wav").symlink_to(place / "kept.wav")
    with serving(made / "catalog", place / "a") as client:
        assert client.ask("/api/tracks/0/audio").status == 200  # unchanged since it was embedded
        (place / "kept.wav").write_bytes(SECRET)
        assert client.ask("/api/tracks/0/audio").status == 422
    (place / "a" / "one.wav").unlink()
    (place / "a" / "one.wav").symlink_to("two.wav")
    with serving(made / "catalog", place / "a") as client:
        assert client.ask("/api/tracks/0/audio").status == 200


def test_a_library_of_links_is_served_while_its_files_are_unchanged(made: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    shutil.copy2(made / "music" / "a" / "one.wav", tmp_path / "one.wav")
    (tmp_path / "links" / "one.wav").symlink_to(tmp_path / "one.wav")
    embed_catalog([tmp_path / "links"], tmp_path / "catalog", workers=1)
    with serving(tmp_path / "catalog") as client:
        assert client.ask("/api/tracks/0/audio").body == (tmp_path / "one.wav").read_bytes()
        (tmp_path / "links" / "one.wav").unlink()
        (tmp_path / "links" / "one.wav").symlink_to(made / "secret.wav")
        assert client.ask("/api/tracks/0/audio").status == 422


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_only_regular_files_are_served(made: Path, place: Path, kind: str) -> None:
    file = place / "a" / "one.wav"
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file)  # opening it would wait for ever
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to("/dev/zero")
    with serving(made / "catalog", place / "a") as client:
        answer = client.ask("/api/tracks/0/audio")
        assert (answer.status, "regular file" in answer.json["error"]) == (422, True)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", "10.0.0.1:{port}"]
)
def test_other_names_are_refused(client: Client, host: str) -> None:
    answer = client.ask("/api/catalog", headers={"Host": host.format(port=client.port)})
    assert answer.status == 403
    assert "name" in answer.json["error"]


@pytest.mark.parametrize("host", ["localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}", "127.0.0.1:{port}"])
def test_names_of_this_machine_pass(client: Client, host: str) -> None:
    own = host.format(port=client.port)
    assert client.ask("/api/catalog", headers={"Host": own, "Origin": f"http://{own}"}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_other_pages_are_refused(client: Client, headers: dict[str, str]) -> None:
    own = {name: value.format(port=client.port) for name, value in headers.items()}
    for path in ("/api/catalog", "/api/tracks/0/audio"):
        assert client.ask(path, headers=own).status == 403
    assert client.ask("/api/game", "POST", own | OWN, "{}").status == 403


def test_a_link_elsewhere_may_open_the_page(client: Client) -> None:
    assert client.ask("/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status != 403


def test_nothing_changes_without_the_own_header(client: Client) -> None:
    for path in ("/api/game", "/api/analyse"):
        assert client.ask(path, "POST", {}, "{}").status == 403
    preflight = {"Origin": "http://evil.example", "Access-Control-Request-Headers": "x-musicfeat"}
    answer = client.ask("/api/game", "OPTIONS", preflight)
    assert answer.status == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_every_response_carries_the_headers(client: Client) -> None:
    for path in ("/", "/api/catalog", "/api/tracks/0/audio", "/api/nothing", "/api/tracks/x", "/nothing.js"):
        answer = client.ask(path)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "server" not in answer.headers
    for headers in ({"Host": "evil.example"}, {"Origin": "null"}):
        assert client.ask("/", headers=headers).headers["content-security-policy"].startswith("default-src 'none'")


def test_bound_to_all_addresses_a_number_passes_and_a_foreign_name_does_not() -> None:
    guard = Guard(Guard, "0.0.0.0", 80)  # type: ignore[arg-type]
    hosts = ("192.168.1.7:80", "[fe80::1]:80", "localhost:80", "evil.example:80", "192.168.1.7:81", "192.168.1.7")
    assert [guard._own(host) for host in hosts] == [True, True, True, False, False, False]


def test_an_upload_that_is_too_large_is_cut_off_and_removed(client: Client) -> None:
    folder = Path(client.application._uploads._folder.name)
    before = set(folder.iterdir())
    answer = client.ask("/api/analyse", "POST", OWN, b"x" * 3_000_001)
    assert (answer.status, "3 MB" in answer.json["error"]) == (413, True)
    blocks = (b"x" * 1_000_000 for _ in range(4))  # without a length
    assert client.ask("/api/analyse", "POST", OWN, blocks).status == 413
    assert set(folder.iterdir()) == before


def test_an_upload_that_is_no_audio_is_refused(client: Client, made: Path) -> None:
    folder = Path(client.application._uploads._folder.name)
    before = set(folder.iterdir())
    answer = client.analyse(made / "secret.wav", "../../../tmp/evil<b>.wav")
    assert answer.status == 422
    assert "evil<b>.wav" in answer.json["error"]
    assert str(folder) not in answer.json["error"]
    assert client.ask("/api/analyse", "POST", OWN).status == 422
    assert set(folder.iterdir()) == before


def test_old_uploads_are_removed(client: Client, made: Path) -> None:
    tokens = [client.analyse(made / "music" / "a" / "one.wav").json["token"] for _ in range(5)]
    assert len(list(Path(client.application._uploads._folder.name).iterdir())) == 4
    assert client.ask(f"/api/analyse/{tokens[0]}/backwards").status == 404


def test_damaged_uploads_stop_nothing(client: Client, made: Path, tmp_path: Path) -> None:
    for path in write_mutants(tmp_path, MUTANTS, seed=8):
        answer = client.analyse(path)
        assert answer.status in (200, 422)
        assert set(answer.json) >= ({"error"} if answer.status == 422 else {"reversal", "picture"})
    assert client.analyse(made / "music" / "a" / "one.wav").status == 200


def test_an_upload_that_takes_too_long_is_given_up(made: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.flac", np.zeros(7200 * 8000, np.float32), 8000)
    with serving(made / "catalog", time_limit=6.0) as client:
        assert client.analyse(made / "music" / "a" / "one.wav").status == 200
        client.application._workers._time_limit = 0.2
        answer = client.analyse(tmp_path / "long.flac")
        assert (answer.status, "--time-limit" in answer.json["error"]) == (422, True)
        client.application._workers._time_limit = 30
        assert client.analyse(made / "music" / "a" / "one.wav").status == 200


def test_a_decoder_that_dies_costs_its_file_only(made: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.flac", np.zeros(7200 * 8000, np.float32), 8000)
    with serving(made / "catalog") as client:
        client.get("/api/catalog")
        worker = client.application._workers._judge._process
        found: list[int] = []
        ask = Thread(target=lambda: found.append(client.analyse(tmp_path / "long.flac").status))
        ask.start()
        time.sleep(0.5)
        os.kill(worker.pid, signal.SIGSEGV)
        ask.join(30)
        assert found == [422]
        assert client.analyse(made / "music" / "a" / "one.wav").status == 200


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-500", (0, 100)),
        ("bytes=50-500", (50, 100)),
        ("bytes=99-99", (99, 100)),
        (None, None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=9-3", None),
        ("bytes=0-1,5-6", None),
        ("seconds=0-9", None),
        ("bytes=a-b", None),
        (f"bytes={'9' * 400}-", None),
    ],
)
def test_ranges_are_read(header: str | None, part: tuple[int, int] | None) -> None:
    assert wanted(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_ranges_behind_the_end_are_refused(header: str) -> None:
    with pytest.raises(ValueError, match="behind"):
        wanted(header, 100)


@pytest.mark.parametrize("part", ["0-99", "1000-200000", "-300", "200000-"])
def test_parts_of_a_file_are_sent(client: Client, made: Path, part: str) -> None:
    data = (made / "music" / "a" / "one.wav").read_bytes()
    start, stop = wanted(f"bytes={part}", len(data)) or (0, 0)
    answer = client.ask("/api/tracks/0/audio", headers={"Range": f"bytes={part}"})
    assert (answer.status, answer.body) == (206, data[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(data)}"
    assert answer.headers["content-length"] == str(stop - start)


def test_a_whole_file_its_head_and_nothing_behind_its_end(client: Client, made: Path) -> None:
    data = (made / "music" / "a" / "one.wav").read_bytes()
    whole = client.ask("/api/tracks/0/audio")
    assert (whole.status, whole.body, whole.headers["accept-ranges"]) == (200, data, "bytes")
    assert whole.headers["content-type"] == "audio/x-wav"
    head = client.ask("/api/tracks/0/audio", "HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(data)))
    behind = client.ask("/api/tracks/0/audio", headers={"Range": f"bytes={len(data)}-"})
    assert (behind.status, behind.headers["content-range"]) == (416, f"bytes */{len(data)}")


def read_away(port: int, start: int, size: int) -> bytes:
    """The last bytes of a long range that is read and thrown away."""
    connection = HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", "/api/tracks/0/audio", headers={"Range": f"bytes={start}-{start + size - 1}"})
    response = connection.getresponse()
    last = b""
    while block := response.read(1 << 20):
        last = block
    connection.close()
    return last


def test_seeking_in_a_long_file_takes_no_memory(made: Path, place: Path) -> None:
    size = 8 << 30  # sparse: it takes no disk
    with (place / "a" / "one.wav").open("wb") as file:
        file.truncate(size)
        file.seek(size - 5)
        file.write(b"ended")
    with command(str(made / "catalog"), "--audio-root", str(place / "a")) as (process, port):
        read_away(port, 0, 1000)
        before = psutil.Process(process.pid).memory_info().rss
        for start in (0, size // 3, size - (64 << 20)):
            last = read_away(port, start, 64 << 20)
        assert last.endswith(b"ended")
        for start in np.linspace(0, size - 9, 40).astype(int):
            read_away(port, int(start), 9)
        assert psutil.Process(process.pid).memory_info().rss - before < 8 << 20


def test_a_connection_that_is_dropped_closes_its_file(made: Path, place: Path) -> None:
    with (place / "a" / "one.wav").open("wb") as file:
        file.truncate(1 << 30)
    with command(str(made / "catalog"), "--audio-root", str(place / "a")) as (process, port):
        for _ in range(20):
            connection = HTTPConnection("127.0.0.1", port, timeout=600)
            connection.request("GET", "/api/tracks/0/audio")
            connection.getresponse().read(1000)
            connection.close()
        end = time.monotonic() + 600
        held = 1
        while held and time.monotonic() < end:
            held = sum(file.path.endswith("one.wav") for file in psutil.Process(process.pid).open_files())
        assert held == 0


@pytest.mark.slow
def test_the_command_binds_to_this_machine_only_and_ends_with_its_workers(made: Path) -> None:
    with command(str(made / "catalog")) as (process, port):
        client = HTTPConnection("127.0.0.1", port, timeout=600)
        client.request("GET", "/api/catalog")
        assert client.getresponse().status == 200
        client.close()
        held = psutil.Process(process.pid)
        listening = [one.laddr for one in held.net_connections() if one.status == psutil.CONN_LISTEN]
        assert [tuple(address) for address in listening] == [("127.0.0.1", port)]
        children = held.children(recursive=True)
        assert children
        process.send_signal(signal.SIGINT)
        assert process.wait(600) == 130
        _, alive = psutil.wait_procs(children, timeout=600)
        assert not alive


@pytest.mark.parametrize("arguments", [["--port", "99999"], ["--max-upload", "0"], ["--audio-root", "/nowhere"]])
def test_senseless_options_are_refused(made: Path, arguments: list[str]) -> None:
    line = [sys.executable, "-m", "musicfeat.cli", "listen", str(made / "catalog"), *arguments]
    done = subprocess.run(line, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
