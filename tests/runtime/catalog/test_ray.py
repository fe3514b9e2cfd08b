"""The Ray engine against the local one, on a Ray that is started here."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from musicfeat.catalog import Catalog, CatalogError, EmbedBatch, embed_catalog

try:
    import ray
    import ray.data
    from ray.cluster_utils import Cluster
except ImportError as missing:
    pytest.skip(f"Ray is not installed ({missing}): pip install 'musicfeat[ray]'", allow_module_level=True)

from musicfeat.catalog.workers.on_ray import RayPool, gpu_share
from musicfeat.catalog.workers.options import ModelOptions
from musicfeat.errors import DeviceError, InputError, ModelError

pytestmark = pytest.mark.slow

FILES = 40
EXACT = ("path", "window", "start", "end", "duration", "status", "error", "sha256")


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    """Files that take a while, and two that cannot be embedded; one has a name that is not Unicode."""
    folder = tmp_path_factory.mktemp("music")
    sound = np.tile(clip, 3)
    for number in range(FILES):
        soundfile.write(folder / f"{number:02d}.flac", np.roll(sound, number * rate)[: 60 * rate], rate)
    (folder / "broken.wav").write_text("no sound")
    names = [b"missing.ogg", b"odd-\xff.flac", *(b"%02d.flac" % number for number in range(FILES))]
    (folder / "list.m3u").write_bytes(b"\n".join(names))
    os.symlink("00.flac", os.fsencode(folder) + b"/odd-\xff.flac")
    return folder


@pytest.fixture(scope="module")
def local(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog that the local engine made."""
    output = tmp_path_factory.mktemp("local") / "catalog"
    embed_catalog([music / "broken.wav", music / "list.m3u"], output, workers=2)
    return output


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """Two machines of one core, as far as Ray can tell."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def assert_same_rows(folder: Path, wanted: Path) -> None:
    found, expected = (Catalog(place).table(where=None) for place in (folder, wanted))
    for name in EXACT:
        assert found.column(name).to_pylist() == expected.column(name).to_pylist(), name
    for name in ("embedding", "reversal", "jigsaw"):
        a, b = (np.array([np.nan if v is None else v for v in flat(table.column(name))]) for table in (found, expected))
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5, err_msg=name)


def flat(column: Any) -> list[float | None]:
    values = column.to_pylist()
    return [v for value in values for v in (value if isinstance(value, list) else [value])]


def workers_of(process: int) -> list[int]:
    """Processes that run tasks on the files, of the Ray that a process has started."""
    parents, names = dict[int, int](), dict[int, bytes]()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            names[int(folder.name)] = (folder / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
    raylets = {one for one, parent in parents.items() if parent == process}
    return [one for one, name in names.items() if b"ray::MapBatches" in name and parents.get(one) in raylets]


def kill_one_at_work(process: subprocess.Popen[str], journals: Path) -> bool:
    """Kill -9 a worker as soon as the first results are written down."""
    while process.poll() is None:
        at_work = workers_of(process.pid) if any(journals.glob(".part-*.arrows")) else []
        if at_work:  # and not between two tasks
            os.kill(at_work[0], signal.SIGKILL)
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc to find Ray's processes in")
def test_a_killed_worker_changes_no_row_and_prints_nothing(music: Path, local: Path, tmp_path: Path) -> None:
    output = tmp_path / "catalog"
    sources = [str(music / "broken.wav"), str(music / "list.m3u")]
    command = [sys.executable, "-m", "musicfeat.cli", "embed", *sources, "-o", str(output), "--engine", "ray"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    with subprocess.Popen(
        [*command, "--workers", "2"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        killed = kill_one_at_work(process, output)
        out, err = process.communicate()
    assert killed
    assert out.startswith(f"{output}: {FILES + 1} files embedded")
    assert out.count("\n") == 1
    assert err == f"musicfeat: 2 files failed, see {output / 'failures.jsonl'}\n"
    assert_same_rows(output, local)


def test_a_lost_machine_changes_no_row(cluster: Cluster, music: Path, local: Path, tmp_path: Path) -> None:
    """The machine is not replaced: what is left of the cluster has no room for its actor."""
    node = cluster.add_node(num_cpus=1)
    loss = threading.Timer(0, cluster.remove_node, [node, False])
    output = tmp_path / "catalog"

    def lose() -> None:
        while not any(output.glob(".part-*.arrows")):
            time.sleep(0.05)
        loss.start()

    watcher = threading.Thread(target=lose)
    watcher.start()
    summary = embed_catalog([music / "broken.wav", music / "list.m3u"], output, engine="ray")
    watcher.join()
    loss.join()
    assert (summary.embedded, summary.failed) == (FILES + 1, 2)
    assert not ray.is_initialized()
    assert_same_rows(output, local)


def test_embed_batch_and_what_a_cluster_refuses(cluster: Cluster, music: Path, local: Path) -> None:
    ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
    embed = pickle.loads(pickle.dumps(EmbedBatch()))
    paths = [{"path": str(music / f"{number:02d}.flac")} for number in range(4)]
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    found = ray.data.from_items(paths).map_batches(embed, batch_format="pyarrow", batch_size=2).take_all()
    wanted = {(row["path"], row["window"]): row["embedding"] for row in Catalog(local).table().to_pylist()}
    assert len(found) == 4 * 6
    for row in found:
        np.testing.assert_allclose(row["embedding"], wanted[row["path"], row["window"]], rtol=0, atol=1e-5)

    with RayPool(ModelOptions(model="nonesuch"), None, 60.0) as pool, pytest.raises(ModelError, match="nonesuch"):
        pool.describe()
    with RayPool(ModelOptions(device="cuda"), None, 60.0) as pool, pytest.raises(DeviceError, match="cluster has none"):
        pool.describe()
    assert ray.is_initialized(), "a connection of the script's own stays open"


def test_which_gpu_is_not_for_the_caller_to_say() -> None:
    with pytest.raises(InputError, match="the cluster chooses"):
        RayPool(ModelOptions(device="cuda:1"), None, 60.0)


@pytest.mark.parametrize(
    ("workers", "gpus", "share"), [(1, 4, 1), (4, 4, 1), (3, 2, 0.5), (16, 1, 0.0625), (3, 1, 0.3333)]
)
def test_all_workers_find_room_on_the_gpus(workers: int, gpus: int, share: float) -> None:
    assert gpu_share(workers, gpus) == share
    assert int(1 / share) * gpus >= workers


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, music: Path, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "musicfeat.catalog.workers.on_ray")
    with pytest.raises(CatalogError, match=r"musicfeat\[ray\]"):
        embed_catalog([music / "broken.wav"], tmp_path / "catalog", engine="ray")
    assert not (tmp_path / "catalog").exists()
