"""What every process of the package does around its node: memory, transport, log, Ctrl-C and SIGTERM."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from handmesh_ros.errors import HandmeshError, InputError
from handmesh_ros.files import user_path
from handmesh_ros.installation import check_installation
from handmesh_ros.node.transport import use_large_shared_memory

FAULTS_TOLD_EVERY_S = 10.0  # at most: a fault in a timer would fill the log
END_SIGNALS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C; docker stop, systemd, ros2 launch


def spin(make_node: Callable[[], Node], argv: Sequence[str] | None = None) -> int:
    """Run a node until Ctrl-C, SIGTERM or its end; returns the process's exit code. Either signal ends it quietly, at any moment.

    A node ends itself by raising SystemExit in a callback. One that cannot start raises a HandmeshError or OSError, or rclpy does; that is
    printed without a traceback.
    """
    for number in END_SIGNALS:
        signal.signal(number, _end)
    try:
        return _run(make_node, list(sys.argv if argv is None else argv))
    except KeyboardInterrupt:
        return 0  # while a node that had come to its end was tidied up


def _run(make_node: Callable[[], Node], argv: Sequence[str]) -> int:
    keep_memory()
    use_large_shared_memory()
    node, initialized = None, False
    try:
        check_installation()
        rclpy.init(args=[*argv, *arguments_for_logging()], signal_handler_options=SignalHandlerOptions.ALL)
        initialized = True
        node = make_node()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        _spin_through_faults(executor, node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # a signal, or somebody shut ROS down
    except SystemExit as request:
        return int(request.code or 0)
    except Exception as error:
        if not initialized or (node is None and _is_of_the_user(error)):
            print(f"{Path(sys.argv[0]).stem}: {error}", file=sys.stderr)
            return 1
        if not _ending():
            raise
    finally:
        _ignore_signals()  # they must not break a shutdown that has begun; rclpy puts the former handlers back when it ends
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
        _ignore_signals()
    return 0


def _spin_through_faults(executor: SingleThreadedExecutor, node: Node) -> None:
    """Until the end of ROS. An exception of a callback does not end the node: some are rclpy's own, such as for a parameter of a type that
    does not exist, and whoever is in the domain can send that. It is told instead, at most every ten seconds: ours in words."""
    while rclpy.ok():
        try:
            executor.spin()
        except ExternalShutdownException:
            return
        except Exception as error:
            if _ending():
                return
            if isinstance(error, HandmeshError):
                node.get_logger().warning(str(error), throttle_duration_sec=FAULTS_TOLD_EVERY_S)
            else:
                text = "".join(traceback.format_exception(error))
                node.get_logger().error(f"left out, since handling it failed:\n{text}", throttle_duration_sec=FAULTS_TOLD_EVERY_S)


def _is_of_the_user(error: Exception) -> bool:
    """Whether what keeps a node from starting is a setting: rclpy refuses names, types of parameters and QoS overrides by itself."""
    raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    return isinstance(error, (HandmeshError, OSError)) or Path(rclpy.__file__).parent in raised_in.parents


def _ending() -> bool:
    """Whether an exception only stumbled over the end: over the context that a signal has just shut down, or over the signal itself, since
    rclpy makes a RuntimeError of a KeyboardInterrupt while it reads a message."""
    return not rclpy.ok() or signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def _end(number: int, frame: FrameType | None) -> None:
    """The first signal ends what runs; others after it change nothing."""
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    for number in END_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


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


def arguments_for_logging() -> list[str]:
    """Arguments of rclpy.init that leave out the log file where it cannot be written: a node would not even start.

    Unknown users and containers have no home directory, or none that they may write to.
    """
    folder = os.environ.get("ROS_LOG_DIR") or f"{os.environ.get('ROS_HOME') or '~/.ros'}/log"
    try:
        path = user_path(folder)
        path.mkdir(parents=True, exist_ok=True)
        if os.access(path, os.W_OK):
            os.environ["ROS_LOG_DIR"] = str(path)  # ROS itself knows a home by HOME only
            return []
    except (InputError, OSError):
        pass
    print(f"there is no log file: {folder} cannot be written; ROS_LOG_DIR may name another folder", file=sys.stderr)
    return ["--ros-args", "--disable-external-lib-logs"]
