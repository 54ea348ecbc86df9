"""Starts and ends the demo's processes: a camera, the hand node, and a listener as a user would write it, a page or a robot."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from handmesh_ros.errors import HandmeshError

Value = str | int | float | bool  # of a ROS parameter

START_TIMEOUT_S = 30.0
END_TIMEOUT_S = 5.0


class ProcessError(HandmeshError, RuntimeError):
    """A process did not start, or ended with an error; the message says which and what it wrote."""


class RosProcess:
    """One of our nodes as a process of its own; its output goes to a log file."""

    def __init__(
        self, module: str, parameters: Mapping[str, Value], remappings: Mapping[str, str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = module.rsplit(".", 1)[-1]
        self.log = folder / f"{self.name}.log"
        arguments = [argument for key, value in parameters.items() for argument in ("-p", f"{key}:={_yaml(value)}")]
        arguments += [argument for name, other in remappings.items() for argument in ("-r", f"{name}:={other}")]
        with self.log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-u", "-m", module, "--ros-args", *arguments],
                stdout=log, stderr=subprocess.STDOUT, env=dict(environment), start_new_session=True,
            )  # fmt: skip

    @property
    def running(self) -> bool:
        return self.exit_code is None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; it may have ended before."""
        self._process.send_signal(number)

    def wait_for_line(self, text: str) -> None:
        """Wait until the process has written a line that holds ``text``.

        Raises:
            ProcessError: it ended before, or did not write it in time.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while text not in self.read_log():
            if not self.running or time.monotonic() > deadline:
                raise ProcessError(f"{self.name} did not start:\n{self.read_log()}")
            time.sleep(0.05)

    def read_log(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def end(self) -> int:
        """Ctrl-C, and what it returned; it is killed where it does not listen."""
        if self.running:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise ProcessError(f"{self.name} did not end within {END_TIMEOUT_S:g} s of Ctrl-C:\n{self.read_log()}") from None

    def check(self) -> None:
        """Raises ProcessError where it has ended with an error."""
        if self.exit_code not in (None, 0):
            raise ProcessError(f"{self.name} ended with code {self._process.returncode}:\n{self.read_log()}")


class Processes:
    """Starts processes and sees to it that all have ended when the ``with`` block is left, whatever happens in it.

    For the main thread: while the processes are ended neither Ctrl-C nor SIGTERM disturbs.

    Attributes:
        environment: theirs; who wants to talk to them takes it, too.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.environment = _environment()
        self._started: list[RosProcess] = []

    def start(self, module: str, parameters: Mapping[str, Value], remappings: Mapping[str, str] | None = None) -> RosProcess:
        process = RosProcess(module, parameters, remappings or {}, self._folder, self.environment)
        self._started.append(process)
        return process

    def check(self) -> None:
        for process in self._started:
            process.check()

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # A second one would leave processes behind.
        handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        problems = []
        for process in reversed(self._started):
            try:
                process.end()
            except ProcessError as problem:
                problems.append(str(problem))
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if problems and error is None:
            raise ProcessError("\n".join(problems))


def _environment() -> dict[str, str]:
    """This process's, in a ROS domain of its own on this machine: the demo neither hears nor disturbs the user's robots."""
    own = {"ROS_DOMAIN_ID": str(random.randint(1, 100)), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **own}


def _yaml(value: Value) -> str:
    # Quoted, so that a camera's index stays a text and a path may hold blanks.
    return f"'{value}'" if isinstance(value, str) else str(value).lower()
