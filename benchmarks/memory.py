"""Peak memory of a process that opens the bundled model and judges one window; Linux.

python benchmarks/edge.py memory [--limit 64] [--c PROGRAM]

Memory of two kinds counts: pages of the process's own, and pages of libraries, which processes share and the kernel
can drop. ``--limit`` runs the package in a control group of so many MiB, libraries included, which only root may make;
``--c`` is the built example of runtime/c.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import soundfile
from _table import markdown

from musicfeat.demo import RATE, synthesise
from musicfeat.model.session import Session, find_model
from musicfeat.sound.audio import load
from musicfeat_export.ort_format import to_ort
from musicfeat_export.stored import to_stored

STATUS = """
def status():
    lines = dict(line.split(":") for line in open("/proc/self/status"))
    return ";".join(str(int(lines[name].split()[0]) // 1024) for name in ("VmHWM", "RssAnon", "RssFile"))
"""
BARE = """
import sys; import numpy; from musicfeat.model.ort import onnxruntime
options = onnxruntime.SessionOptions(); options.intra_op_num_threads = 1
for word in sys.argv[2:]:
    if "." in word: options.add_session_config_entry(word, "1")
    else: setattr(options, word, False)
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
name, samples = session.get_inputs()[0].name, session.get_inputs()[0].shape[1]
session.run(None, {name: numpy.linspace(-1, 1, samples, dtype="f4")[None] ** 3})
"""
WHOLE = """
import numpy; from musicfeat import Extractor
extractor = Extractor(threads=1)
extractor(numpy.linspace(-1, 1, extractor.card.window, dtype="f4") ** 3, extractor.card.sample_rate)
"""
STAGES = {
    "Python": "",
    "numpy loaded": "import numpy",
    "ONNX Runtime loaded": "import numpy; from musicfeat.model.ort import onnxruntime",
    "`Extractor` opened": "from musicfeat import Extractor; Extractor(threads=1)",
    "one window judged": WHOLE,
}
HEADER = ["", "peak, MB", "own, MB", "of files, MB"]
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}


def main(words: list[str] | None = None) -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(prog="edge.py memory", description=__doc__)
    options.add_argument("--limit", type=int, help="MiB of a control group to run in")
    options.add_argument("--c", type=Path, help="the example of runtime/c, built")
    chosen = options.parse_args(words)
    print(markdown(HEADER, [[name, *used(code)] for name, code in STAGES.items()]) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        print(markdown(["bare session, one window", *HEADER[1:]], list(variants(Path(folder)))))
        if chosen.c:
            print("\n" + markdown(["program in C, 24 s of WAV", "peak, MB"], in_c(chosen.c, Path(folder))))
        if chosen.limit:
            print(f"\nIn a control group of {chosen.limit} MiB: {limited(chosen.limit, Path(folder))}")


def used(code: str, *arguments: str, variables: dict[str, str] | None = None) -> list[str]:
    """Peak, own pages and pages of files in megabytes, of a process that runs some code."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [sys.executable, "-c", f"{code}\n{STATUS}\nprint(status())", *arguments]
    environment = os.environ | single | (variables or {})
    return (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip().split(";")
    )


def variants(folder: Path) -> Iterator[list[str]]:
    """Rows of files and settings of the session, each in a process of its own."""
    model, mapped, stored = find_model(None), folder / "mapped.onnx", folder / "stored16.onnx"
    settings = ["enable_cpu_mem_arena", "session.disable_prepacking"]
    onnx.save(onnx.load(model), mapped, save_as_external_data=True, location="weights.bin", size_threshold=1024)
    onnx.save(to_stored(onnx.load(model)), stored)
    to_ort(model, folder / "model.ort")
    yield ["as bundled", *used(BARE, str(model))]
    yield ["memory pattern off", *used(BARE, str(model), "enable_mem_pattern")]
    yield ["arena off", *used(BARE, str(model), settings[0])]
    yield ["arena and prepacking off", *used(BARE, str(model), *settings)]
    yield ["arena off, malloc told to give back at once", *used(BARE, str(model), settings[0], variables=MALLOC)]
    yield ["`.ort` file", *used(BARE, str(folder / "model.ort"))]
    yield ["`stored16`", *used(BARE, str(stored))]
    yield ["weights mapped from a file", *used(BARE, str(mapped))]
    yield ["the same, arena and prepacking off, malloc as above", *used(BARE, str(mapped), *settings, variables=MALLOC)]


def in_c(program: Path, folder: Path) -> list[list[str]]:
    """Rows of the C example over the bundled file and its ``.ort`` form."""
    rate = Session(threads=1).card.sample_rate
    soundfile.write(folder / "song.wav", load(synthesise(), RATE, rate=rate), rate)
    rows = []
    for name, model in (("as bundled", find_model(None)), ("`.ort` file", folder / "model.ort")):
        # a process of its own measures: the maximum of children holds all that came before
        code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=-3)\n"
        code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
        command = [sys.executable, "-c", code, str(program), str(model), str(folder / "song.wav")]
        rows.append([name, subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()])
    return rows


def limited(mebibytes: int, folder: Path) -> str:
    """What became of the package in a control group, its large libraries copied so that no other process has them."""
    packages = Path(np.__file__).parents[1]
    for name in ("numpy", "numpy.libs", "onnxruntime"):
        if (packages / name).is_dir():
            shutil.copytree(packages / name, folder / name)
    paths = os.pathsep.join(map(str, (folder, *sys.path[1:])))
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    join = ["sh", "-c", 'echo $$ > "$1"; shift; exec "$@"', "sh"]
    try:
        with control_group(mebibytes << 20) as processes:
            for path in folder.rglob("*"):
                forget(path)
            command = [*join, str(processes), sys.executable, "-c", WHOLE]
            done = subprocess.run(command, env=os.environ | single | {"PYTHONPATH": paths}, timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"not done ({error})"
    return "it works" if done.returncode == 0 else f"killed (exit status {done.returncode})"


@contextmanager
def control_group(size: int) -> Iterator[Path]:
    """A control group of memory, of either version, and the file that processes join it by."""
    root = Path("/sys/fs/cgroup")
    group = (root / "memory" if (root / "memory").is_dir() else root) / f"musicfeat-{os.getpid()}"
    group.mkdir()
    try:
        names = (name for name in ("memory.limit_in_bytes", "memory.max") if (group / name).exists())
        (group / next(names, "memory.max")).write_text(str(size))
        yield group / "cgroup.procs"
    finally:
        group.rmdir()


def forget(path: Path) -> None:
    """Have the kernel drop a file from its cache, where no other process maps it."""
    if path.is_file():
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


if __name__ == "__main__":
    main()
