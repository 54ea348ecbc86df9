"""Makes the helpers of this folder importable from every test, whatever its sub-folder."""

import sys
from importlib.util import find_spec
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

# How long an example takes says something of the machine's other work only.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A robot has no PyTorch and a laptop no ROS: what needs them is not even imported there.
collect_ignore_glob = [
    f"{folder}/*" for folder, module in {"training": "torch", "node": "rclpy", "demo": "rclpy"}.items() if find_spec(module) is None
]
