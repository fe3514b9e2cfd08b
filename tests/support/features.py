"""Features of the JavaScript package held to the runtime's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from musicfeat import Features

TOLERANCE = 1e-3


def assert_same_features(found: dict[str, Any], expected: Features) -> None:
    """Raises unless what the package found is the runtime's, but for rounding."""
    assert found["silent"] == expected.silent.tolist()
    for name in ("starts", "ends", "weights", "reversal", "jigsaw", "embeddings", "tag_curve"):
        np.testing.assert_allclose(found[name], getattr(expected, name), rtol=0, atol=TOLERANCE, err_msg=name)
    np.testing.assert_allclose(found["pooled"]["embedding"], expected.embedding, rtol=0, atol=TOLERANCE)
    assert found["pooled"]["reversed"] == pytest.approx(expected.reversed, abs=TOLERANCE)
    assert (found["pooled"]["tags"] or {}) == pytest.approx(expected.tags, abs=TOLERANCE)
