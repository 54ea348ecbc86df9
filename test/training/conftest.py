"""What the tests of renders share."""

from __future__ import annotations

import pytest
from support.paths import SHARED


@pytest.fixture(scope="session")
def studio():  # type: ignore[no-untyped-def]  # the renderer needs torch, which not every machine has
    """All assets of the renderer."""
    torch = pytest.importorskip("torch")
    from handmesh_training.renders.batch import Studio

    torch.set_num_threads(1)
    return Studio.load(SHARED / "assets")
