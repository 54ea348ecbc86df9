"""Makes the helpers of this folder importable from every test, whatever its sub-folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
