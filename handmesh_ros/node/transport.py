"""How Fast DDS carries camera frames: through a segment of shared memory that holds them, as large as the machine has room for."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from handmesh_ros.files import required_file

SHARED_MEMORY = Path("/dev/shm")
# Bytes of a process's segment -> the Fast DDS profile that makes it, the one that all want first; a picture of 640 x 480 has 0.9 MB.
PROFILES = {
    32 << 20: "config/fastdds.xml",
    8 << 20: "config/fastdds_8mb.xml",
    2 << 20: "config/fastdds_2mb.xml",
    0: "config/fastdds_udp.xml",
}
# Segments that must find room: a camera's, a hand node's, a listener's and one more. Each is there as a whole from the beginning.
ROOM_FOR = 4


def use_large_shared_memory() -> None:
    """Let Fast DDS send camera frames through shared memory that holds them, unless the user chose a profile.

    With the default segment of 512 kB nearly all frames are lost silently under best effort. Containers have little shared memory
    (Docker: 64 MB), and a process whose segment finds no room goes without.
    """
    fast_dds_2, fast_dds_3 = "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"
    if fast_dds_2 in os.environ or fast_dds_3 in os.environ:
        return
    free = free_bytes(SHARED_MEMORY)
    size = segment_for(free)
    profile = str(required_file(PROFILES[size]))
    os.environ[fast_dds_2 if os.environ.get("ROS_DISTRO") in ("humble", "jazzy") else fast_dds_3] = profile
    if size < max(PROFILES):
        way = f"{size >> 20} MB of it for this process's pictures" if size else "too little for pictures, of which UDP loses some"
        advice = f"A camera driver needs {profile}, too; in a container, --shm-size=256m or --ipc=host gives more"
        print(f"{(free or 0) >> 20} MB of {SHARED_MEMORY} are free: {way}. {advice}", file=sys.stderr)


def free_bytes(folder: Path) -> int | None:
    """Of the file system that the folder is on; None where there is no such folder or the system does not tell."""
    try:
        status = os.statvfs(folder)
    except (OSError, AttributeError):  # Windows has no statvfs
        return None
    return status.f_bavail * status.f_frsize


def segment_for(free: int | None) -> int:
    """The largest segment of PROFILES that fits where so many bytes are free; where that is unknown, the usual one."""
    return max(size for size in PROFILES if free is None or ROOM_FOR * size <= free)
