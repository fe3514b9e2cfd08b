"""Export of a trained model to one ONNX file, with a proof that both are the same model."""

from __future__ import annotations

import sys


def main() -> int:
    """The command ``musicfeat-export``; names the extra to install if it is missing."""
    try:
        from musicfeat_export import cli
    except ModuleNotFoundError as error:
        print(f"musicfeat-export: {error}; pip install 'musicfeat[export]'", file=sys.stderr)
        return 1
    return cli.main()
