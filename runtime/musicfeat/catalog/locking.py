"""portalocker, which asks for a temporary folder while it is imported, and an error in words where there is none."""

from __future__ import annotations

from musicfeat.files import needing_temporary

with needing_temporary():
    import portalocker

__all__ = ["portalocker"]
