"""The command line's own behaviour: help, wrong calls, what to install."""

from pathlib import Path

import pytest

from handmesh_ros.cli import COMMANDS, main, missing_module_hint


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in COMMANDS)


def test_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rum"]) == 2
    assert "'rum'" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    assert exit_.value.code == 0
    assert f"handmesh {command}" in capsys.readouterr().out


def test_a_missing_package_says_what_to_install() -> None:
    assert "handmesh_ros[train]" in missing_module_hint(ModuleNotFoundError("x", name="torch"))
    assert "ROS 2" in missing_module_hint(ModuleNotFoundError("x", name="sensor_msgs.msg"))
    assert "pip install yaml" in missing_module_hint(ModuleNotFoundError("x", name="yaml"))
    assert "install handmesh_ros again" in missing_module_hint(ModuleNotFoundError("x", name="handmesh_ros.commands.run"))


# ---- what becomes one line, and what shows its traceback ----


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A command that fails as its argument says."""
    (tmp_path / "failing_command.py").write_text(
        """
import numpy as np
from handmesh_ros.errors import InputError
def add_arguments(parser):
    parser.add_argument("how")
def main(arguments):
    if arguments.how == "input":
        raise InputError("the hand is upside down: turn it")
    if arguments.how == "file":
        open("no such file")
    np.zeros(3) + np.zeros(4)
"""
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(COMMANDS, "failing", ("failing_command", "fails"))
    return "failing"


@pytest.mark.parametrize(("how", "named"), [("input", "handmesh failing: the hand is upside down: turn it\n"), ("file", "no such file")])
def test_what_a_user_can_mend_is_one_line(failing: str, how: str, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([failing, how]) == 1
    told = capsys.readouterr().err
    assert named in told and told.count("\n") == 1


def test_a_fault_of_the_code_is_not_taken_for_the_users(failing: str) -> None:
    with pytest.raises(ValueError, match="broadcast"):
        main([failing, "code"])


@pytest.mark.parametrize("arguments", [("--debug", "failing", "input"), ("failing", "input", "--debug")])
def test_debug_shows_the_traceback_of_every_error(failing: str, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert "Traceback" in told and "failing_command.py" in told
    assert told.endswith("handmesh failing: the hand is upside down: turn it\n")
