"""Report of a recording, and the pictures in it.

    from musicfeat.report import write_report

Names are loaded when first used, because pictures do not need the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from musicfeat.report.page import html, judged, write_report

__all__ = ["html", "judged", "write_report"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'musicfeat.report' has no attribute {name!r}")
    from musicfeat.report import page

    return getattr(page, name)
