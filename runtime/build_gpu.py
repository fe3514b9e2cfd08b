"""Build ``musicfeat-gpu``: the same source as a distribution that depends on onnxruntime-gpu.

python runtime/build_gpu.py --outdir dist

onnxruntime and onnxruntime-gpu own one Python module and overwrite each other, so an extra of ``musicfeat`` could not
choose between them: pip would install both.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ("runtime/musicfeat", "trainer/musicfeat_trainer", "export/musicfeat_export", "LICENSE", "README.md")
CHANGES = (
    (r'^name = "musicfeat"$', 'name = "musicfeat-gpu"'),
    (r'"onnxruntime>=([0-9.]+)"', r'"onnxruntime-gpu[cuda,cudnn]>=\1"'),
    (r'"musicfeat\[', '"musicfeat-gpu['),
)
"""What differs between the two projects' metadata; each must be found."""


def project() -> str:
    """The text of the second distribution's pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text()
    for pattern, replacement in CHANGES:
        text, found = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        if not found:
            raise SystemExit(f"pyproject.toml has nothing like {pattern}: mend runtime/build_gpu.py")
    return text


def build(outdir: Path) -> None:
    """Build the wheel from a copy of the sources."""
    with tempfile.TemporaryDirectory() as folder:
        for source in SOURCES:
            target = Path(folder) / source
            target.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, target)
        (Path(folder) / "pyproject.toml").write_text(project())
        command = [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(outdir.resolve()),
            folder,
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Build it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--outdir", type=Path, default=ROOT / "dist")
    build(options.parse_args().outdir)


if __name__ == "__main__":
    main()
