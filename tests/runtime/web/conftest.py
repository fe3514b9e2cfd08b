from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.browser import Site, serving


@pytest.fixture
def site() -> Iterator[Site]:
    """The runtime's folder at a free port of this machine."""
    with serving() as site:
        yield site
