"""What every process of the package does around its node: memory, transport, Ctrl-C."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from handmesh_ros.errors import HandmeshError
from handmesh_ros.files import package_file
from handmesh_ros.installation import check_installation


def spin(make_node: Callable[[], Node], argv: Sequence[str] | None = None) -> int:
    """Run a node until Ctrl-C, SIGTERM or its end; returns the process's exit code.

    A node ends itself by raising SystemExit in a callback. One that cannot start raises a HandmeshError or OSError, which is printed
    without a traceback.
    """
    keep_memory()
    use_large_shared_memory()
    node = None
    try:
        check_installation()
        rclpy.init(args=list(sys.argv if argv is None else argv), signal_handler_options=SignalHandlerOptions.ALL)
        node = make_node()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # Ctrl-C, or somebody shut ROS down
    except SystemExit as request:
        return int(request.code or 0)
    except Exception as error:
        if node is None and isinstance(error, (HandmeshError, OSError)):
            print(f"{Path(sys.argv[0]).stem}: {error}", file=sys.stderr)
            return 1
        if node is None or rclpy.ok():
            raise
        # The executor stumbled over the context that a signal has just shut down.
    finally:
        # A second Ctrl-C must not break the shutdown that the first one began; rclpy puts the former handler back when it ends.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return 0


def keep_memory() -> None:
    """Make malloc keep the memory of large messages instead of giving it back to the system after every frame.

    Fetching it anew costs page faults: 1 ms a frame at 640x480, 8 ms at 1920x1080. Only glibc has this; elsewhere nothing happens.
    """
    m_trim_threshold, m_top_pad, m_mmap_threshold = -1, -2, -3
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(m_mmap_threshold, 32 << 20)
    mallopt(m_trim_threshold, 512 << 20)
    mallopt(m_top_pad, 16 << 20)


def freeze_objects() -> None:
    """Call after warm-up: the garbage collector then never walks through what lives as long as the process (10 to 30 ms each time)."""
    gc.collect()
    gc.freeze()


def use_large_shared_memory() -> None:
    """Let Fast DDS send camera frames through shared memory that holds them, unless the user chose a profile.

    With the default segment of 512 kB nearly all frames are lost silently under best effort.
    """
    fast_dds_2, fast_dds_3 = "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"
    profile = package_file("config/fastdds.xml")
    if profile is None or fast_dds_2 in os.environ or fast_dds_3 in os.environ:
        return
    os.environ[fast_dds_2 if os.environ.get("ROS_DISTRO") in ("humble", "jazzy") else fast_dds_3] = str(profile)
