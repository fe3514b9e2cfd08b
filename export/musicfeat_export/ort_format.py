"""A model file in ONNX Runtime's own format, and the list of operators that a minimal build needs for it."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path

import numpy as np

from musicfeat.errors import ModelError
from musicfeat.model.ort import onnxruntime
from musicfeat.model.session import Session
from musicfeat_export.parity import probe_windows

SUFFIX = ".ort"
MOST_DIFFERENT = 1e-4
"""Largest difference from the source on synthetic windows; some operators are fused."""


def to_ort(source: Path, path: Path) -> Path:
    """Write ``source`` as ``path``, and as .config its operators for ``build.py --include_ops_by_config``.

    The graph is optimised for no particular machine, so that the file runs on phones as well.

    Returns:
        The path of the list.

    Raises:
        ModelError: the file's answers differ from its source's.
    """
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / path.name
        _save(source, written)
        if (difference := _difference(source, written)) > MOST_DIFFERENT:
            raise ModelError(
                f"{path} would differ from {source} by {difference:.1e}, at most {MOST_DIFFERENT} is meant"
            )
        config = _operators(written, Path(folder) / "operators.config")
        path.write_bytes(written.read_bytes())
    path.with_suffix(".config").write_text(config)
    return path.with_suffix(".config")


def _save(source: Path, path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.add_session_config_entry("session.save_model_format", "ORT")
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


def _difference(source: Path, path: Path) -> float:
    sessions = [Session(file, threads=1) for file in (source, path)]
    windows = probe_windows(sessions[0].card, 2, 1.0)
    before, after = (session.run(windows, session.outputs) for session in sessions)
    return max(float(np.abs(before[name] - after[name]).max()) for name in before)


def _operators(path: Path, config: Path) -> str:
    tools = import_module("onnxruntime.tools.ort_format_model")

    tools.create_config_from_models([path], config, enable_type_reduction=False)
    lines = config.read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("#")) + "\n"
