"""Import of portalocker, which needs a temporary folder; without one a clear error is raised."""

from __future__ import annotations

from musicfeat.files import needing_temporary

with needing_temporary():
    import portalocker

__all__ = ["portalocker"]
