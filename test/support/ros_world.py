"""Real processes and a real user node over DDS, each test module in a world (ROS domain) of its own."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile

from support.paths import REPO

PATIENCE_S = 60.0  # for things that take a second on an idle machine
_next_domain = itertools.count(os.getpid() * 7)


class Process:
    """A module of the package, or a file, that runs as a process of its own; its output goes into a file."""

    def __init__(self, program: list[str], arguments: list[str], environment: dict[str, str]) -> None:
        self._log = tempfile.NamedTemporaryFile("w+", suffix=f"_{Path(program[-1]).name}.log")  # noqa: SIM115 - closed in stop
        command = [sys.executable, *program, *arguments]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT, env=environment, cwd=REPO)

    @property
    def log(self) -> str:
        return Path(self._log.name).read_text(encoding="utf-8")

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait_for_log(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.log:
            assert self.running, f"the process ended:\n{self.log}"
            assert time.monotonic() < deadline, f"{text!r} does not appear:\n{self.log}"
            time.sleep(0.02)

    def wait(self) -> int:
        """The exit code."""
        return self._process.wait(PATIENCE_S)

    def press_ctrl_c(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def interrupt(self) -> float:
        """Ctrl-C; returns the seconds until the process ended."""
        begin = time.monotonic()
        self.press_ctrl_c()
        self._process.wait(PATIENCE_S)
        return time.monotonic() - begin

    def stop(self) -> None:
        if self.running:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()


class World:
    """A ROS domain with processes of the package and one user node in this process."""

    def __init__(self) -> None:
        # Domains above 101 collide with the ports that Linux hands out by itself.
        self.domain = 10 + next(_next_domain) % 90
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(REPO), os.environ.get("PYTHONPATH", "")]),
            "ROS_DOMAIN_ID": str(self.domain),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            # The user node sends large pictures: its process needs the large segment.
            "FASTDDS_DEFAULT_PROFILES_FILE": str(REPO / "config" / "fastdds.xml"),
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
        }
        self._processes: list[Process] = []
        self._context = Context()
        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            rclpy.init(context=self._context, domain_id=self.domain)
            self.node = Node("user", context=self._context)
        finally:
            os.environ.clear()
            os.environ.update(before)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.messages: dict[str, list[Any]] = defaultdict(list)

    def close(self) -> None:
        for process in self._processes:
            process.stop()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    def start(self, module: str, *arguments: str, **parameters: object) -> Process:
        """Start a module of ``handmesh_ros``, such as ``node.hand_node``.

        Args:
            arguments: for its command line.
            parameters: ROS parameters.
        """
        settings = [word for name, value in parameters.items() for word in ("-p", f"{name}:={_as_yaml(value)}")]
        return self._start(["-m", f"handmesh_ros.{module}"], ["--ros-args", *settings, *arguments])

    def start_file(self, path: Path, *arguments: str) -> Process:
        """Start a Python file."""
        return self._start([str(path)], list(arguments))

    def _start(self, program: list[str], arguments: list[str]) -> Process:
        process = Process(program, arguments, self.environment)
        self._processes.append(process)
        return process

    def listen(self, topic: str, message_type: type, qos: QoSProfile | int = 50) -> None:
        """Collect what comes on a topic in ``messages[topic]``."""
        self.node.create_subscription(message_type, topic, self.messages[topic].append, qos)

    def until(self, condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
        """Spin until the condition holds; fails with ``what`` did not happen."""
        deadline = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < deadline, f"did not happen in {patience_s:g} s: {what}"
            self._executor.spin_once(timeout_sec=0.02)

    def spin(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.01)

    def call(self, service_type: type, name: str, request: Any) -> Any:
        """The service's response."""
        client = self.node.create_client(service_type, name)
        self.until(client.service_is_ready, f"service {name} is there")
        future = client.call_async(request)
        self.until(future.done, f"service {name} answers")
        self.node.destroy_client(client)
        return future.result()


def _as_yaml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, (str, Path)) else str(value)
