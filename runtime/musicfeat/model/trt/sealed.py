"""Files with a header and a digest of their whole content: engines and their timing caches."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from musicfeat.errors import ModelError

MAGIC = b"musicfeat-engine-1\n"
"""First bytes of every file; the number is the version of the layout."""


def is_sealed(path: Path) -> bool:
    """True if a file begins as a sealed one, damaged or not."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def write(path: Path, header: dict[str, Any], payload: bytes) -> None:
    """Write a file whole or not at all, even if other processes write the same file.

    Raises:
        OSError: the folder cannot be written.
    """
    content = json.dumps(header, sort_keys=True).encode() + b"\n" + payload
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read(path: Path) -> tuple[dict[str, Any], bytes]:
    """The header and the payload.

    Raises:
        ModelError: the file is not a sealed one, is cut short or was changed.
        FileNotFoundError: there is no file.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    digest, _, content = content.removeprefix(MAGIC).partition(b"\n") if content.startswith(MAGIC) else (b"", b"", b"")
    if hashlib.sha256(content).hexdigest().encode() != digest:
        raise ModelError(f"{path} is cut short or damaged: build it anew with `musicfeat-export tensorrt`")
    header, _, payload = content.partition(b"\n")
    return json.loads(header), payload
