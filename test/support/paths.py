"""Where tests find the repository and the assets that lie beside it."""

from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
SHARED = REPO.parent / "shared"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="needs the assets folder 'shared' beside the checkout (training and test pictures)"
)
