"""The npm packages by which the page judges files in the browser, and the model file, served read-only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from starlette.staticfiles import StaticFiles

from musicfeat.errors import InputError

ENTRY = Path("lib", "extractor.js")
WASM, GPU = "ort-wasm-simd-threaded", "ort-wasm-simd-threaded.asyncify"
RUNTIME = (
    *("ort.wasm.bundle.min.mjs", f"{WASM}.mjs", f"{WASM}.wasm"),
    *("ort.webgpu.bundle.min.mjs", f"{GPU}.mjs", f"{GPU}.wasm"),
)
"""Files of onnxruntime-web that the package asks for."""
MODEL = "model.onnx"


class Packages(StaticFiles):
    """Files by their addresses, and nothing that is not listed.

    Args:
        folder: as for ``files_of``.
        model: gives the path of the model file, asked for with each request.

    Raises:
        InputError: see ``files_of``.
    """

    def __init__(self, folder: Path, model: Callable[[], Path]) -> None:
        super().__init__()
        self._files, self._model = files_of(folder), model

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """The file of an address, and its facts; None if it is not listed. ModelError if there is no model."""
        address = path.replace(os.sep, "/")
        file = self._model() if address == MODEL else self._files.get(address)
        return (str(file), file.stat()) if file and file.is_file() else ("", None)


def files_of(folder: Path) -> dict[str, Path]:
    """Address -> file of the package and of onnxruntime-web.

    Args:
        folder: where ``npm install musicfeat`` was run, its ``node_modules``, or the package itself.

    Raises:
        InputError: a package is not there.
    """
    places = (folder / "node_modules" / "musicfeat", folder / "musicfeat", folder)
    package = next((place for place in places if (place / ENTRY).is_file()), None)
    if package is None:
        raise InputError(
            f"{folder} does not hold the npm package musicfeat: run `npm install musicfeat` there, or name "
            "runtime/web of a checkout"
        )
    modules = package / "node_modules", package.parent, package.resolve().parent
    runtimes = [place / "onnxruntime-web" / "dist" for place in modules]
    runtime = next((place for place in runtimes if (place / RUNTIME[0]).is_file()), None)
    if runtime is None:
        raise InputError(f"{package} lacks onnxruntime-web: run `npm install` in {folder}")
    own = [package / "index.js", *sorted((package / "lib").glob("*.js"))]
    return {
        **{f"musicfeat/{file.relative_to(package).as_posix()}": file for file in own},
        **{f"onnxruntime-web/{name}": runtime / name for name in RUNTIME},
    }
