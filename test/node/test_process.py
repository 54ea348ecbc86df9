"""Where a node runs: without a home, without a place for its log, and ended by a signal at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.paths import REPO

pytest.importorskip("rclpy", reason="needs ROS 2")

from handmesh_ros.node.process import arguments_for_logging

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPO), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
WITHOUT_FILE = ["--ros-args", "--disable-external-lib-logs"]


@pytest.mark.parametrize("variable", ["ROS_LOG_DIR", "ROS_HOME", "HOME"])
def test_a_log_file_is_left_out_where_it_cannot_be_written(variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ROS_LOG_DIR", "ROS_HOME"):
        monkeypatch.setenv(name, "")  # so that it is put back
    monkeypatch.setenv(variable, str(tmp_path / "here"))
    assert arguments_for_logging() == []
    assert os.environ["ROS_LOG_DIR"].startswith(str(tmp_path / "here"))
    monkeypatch.setenv("ROS_LOG_DIR", "")
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(variable, str(tmp_path / "file"))
    assert arguments_for_logging() == WITHOUT_FILE


# A node that tells where it is, and stays there for a while: where a signal finds it.
PROGRAM = """
import sys, time
from rclpy.node import Node
from std_msgs.msg import Empty
from handmesh_ros.node.process import spin

class Slow(Node):
    def __init__(self):
        super().__init__("slow")
        self.tell("starting")
        self.publisher = self.create_publisher(Empty, "empty", 1)  # raises where the signal has shut ROS down
        self.create_timer(0.01, self.work)

    def work(self):
        self.tell("working")
        self.publisher.publish(Empty())

    def destroy_node(self):
        self.tell("ending")
        super().destroy_node()

    def tell(self, where):
        print(where, flush=True)
        if where == sys.argv[1]:
            time.sleep(0.5)

sys.exit(spin(Slow, []))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("where", ["starting", "working", "ending"])
def test_a_signal_ends_a_node_quietly_wherever_it_is(where: str, number: signal.Signals, tmp_path: Path) -> None:
    program = tmp_path / "slow.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), where]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            said = line = ""
            while line.strip() != where:
                line = process.stdout.readline()
                assert line, f"it ended before: {said}"
                said += line
                if line.strip() == "working" and where == "ending":
                    process.send_signal(signal.SIGINT)
            process.send_signal(number)
            time.sleep(0.1)
            process.send_signal(number)
            said += process.communicate(timeout=60)[0]
        finally:
            process.kill()
    assert (process.returncode, "Traceback" in said) == (0, False), said


# rclpy makes a RuntimeError of the KeyboardInterrupt that comes while it reads a message.
STUMBLING = """
import os, sys
from rclpy.node import Node
from handmesh_ros.node.process import spin

class Stumbling(Node):
    def __init__(self):
        super().__init__("stumbling")
        self.create_timer(0.01, self.read)

    def read(self):
        try:
            os.kill(os.getpid(), 2)
            sum(range(1_000_000))
        except KeyboardInterrupt:
            raise RuntimeError("cannot be converted") from None

sys.exit(spin(Stumbling, []))
"""


def test_a_signal_that_rclpy_stumbles_over_ends_a_node_quietly_too() -> None:
    done = subprocess.run([sys.executable, "-c", STUMBLING], env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


FAILING = """
import sys
from rclpy.node import Node
from handmesh_ros.errors import InputError
from handmesh_ros.node.process import spin

class Failing(Node):
    def __init__(self):
        super().__init__("failing")
        self.faults = iter([InputError("a hand of side 77"), ZeroDivisionError("a fault of the code"), SystemExit(3)])
        self.create_timer(0.01, self.work)

    def work(self):
        raise next(self.faults)

sys.exit(spin(Failing, []))
"""


def test_what_a_callback_fails_at_is_told_and_the_node_goes_on() -> None:
    done = subprocess.run([sys.executable, "-c", FAILING], env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3, done.stderr
    ours, other = done.stderr.index("a hand of side 77"), done.stderr.index("ZeroDivisionError: a fault of the code")
    assert ours < done.stderr.index("Traceback") < other and done.stderr.count("Traceback") == 1


def test_what_keeps_ros_from_starting_is_one_line() -> None:
    environment = {**ENVIRONMENT, "ROS_DOMAIN_ID": "many"}
    code = "import sys; from handmesh_ros.node.process import spin; sys.exit(spin(lambda: None, []))"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "ROS_DOMAIN_ID" in done.stderr and "Traceback" not in done.stderr


TUNED = """
import sys
from rclpy.node import Node
from std_msgs.msg import Empty
from handmesh_ros.node.process import spin
from handmesh_ros.node.qos import overridable

class Tuned(Node):
    def __init__(self):
        super().__init__("tuned")
        self.create_subscription(Empty, "image", print, 1, qos_overriding_options=overridable())
        sys.exit(0)

sys.exit(spin(Tuned))
"""


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("reliability:=best", "reliability`: `best`"), ("reliability:=5", "qos_overrides./image.subscription.reliability"),
        ("depth:=-3", "history depth"), ("depth:=many", "qos_overrides./image.subscription.depth"),
    ],
)  # fmt: skip
def test_a_wrong_qos_override_is_one_line(override: str, told: str) -> None:
    command = [sys.executable, "-c", TUNED, "--ros-args", "-p", f"qos_overrides./image.subscription.{override}"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and told in done.stderr and "Traceback" not in done.stderr, done.stderr


# One parameter that is, and one of a type that ROS does not have.
ASKER = """
import rclpy
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
rclpy.init()
node = Node("asker")
client = node.create_client(SetParameters, "/slow/set_parameters")
assert client.wait_for_service(30)
client.call_async(SetParameters.Request(parameters=[Parameter(name="a", value=ParameterValue(type=255))]))
good = client.call_async(SetParameters.Request(parameters=[Parameter(name="use_sim_time", value=ParameterValue(type=1))]))
rclpy.spin_until_future_complete(node, good, timeout_sec=30)
print(good.done() and good.result().results[0].successful)
"""


def test_a_parameter_of_no_type_does_not_end_a_node(tmp_path: Path) -> None:
    program = tmp_path / "slow.py"
    program.write_text(PROGRAM)
    environment = {**ENVIRONMENT, "ROS_DOMAIN_ID": str(10 + os.getpid() % 90)}
    with subprocess.Popen([sys.executable, str(program), "-"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True) as process:  # fmt: skip
        try:
            asked = subprocess.run([sys.executable, "-c", ASKER], env=environment, capture_output=True, text=True, timeout=90)
        finally:
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[1]
    assert asked.stdout.strip() == "True", asked.stderr + said
    assert "255 is not a valid" in said and process.returncode == 0
