"""Models of the Hugging Face Hub, fetched for names that begin with ``hf:``; nothing else is ever downloaded."""

from __future__ import annotations

import re
from pathlib import Path

from musicfeat.errors import ModelError

PREFIX = "hf:"
FILE = "model.onnx"
NAME = re.compile(r"hf:(?P<repo>[\w.-]+/[\w.-]+)(?:/(?P<file>[^@]+))?(?:@(?P<revision>[\w./-]+))?")


def fetched(name: str) -> Path:
    """The file of a model on the Hub, from the local cache of huggingface_hub if it is there.

    Args:
        name: ``hf:owner/name``, with ``/path/in/it.onnx`` if the file is not model.onnx, and ``@revision`` if wanted.

    Raises:
        ModelError: the name is malformed, the package is missing, or the file cannot be fetched.
    """
    found = NAME.fullmatch(name)
    if not found:
        raise ModelError(
            f"a model of the Hub is hf:owner/name, hf:owner/name/file.onnx or either @revision, got {name!r}"
        )
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ModuleNotFoundError as error:
        raise ModelError(f"{name} needs {error.name}: pip install 'musicfeat[hub]'") from error
    try:
        return Path(hf_hub_download(found["repo"], found["file"] or FILE, revision=found["revision"]))
    except LocalEntryNotFoundError as error:
        raise ModelError(f"{name} is not in the local cache, and the Hub cannot be reached") from error
    except (HfHubHTTPError, HFValidationError) as error:
        raise ModelError(
            f"{name} cannot be had: no such model or file, or it needs a token (`hf auth login`): "
            f"{' '.join(str(error).split())[:200]}"
        ) from error
    except OSError as error:
        raise ModelError(f"{name} cannot be fetched: {error}") from error
