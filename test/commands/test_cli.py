"""The command line's own behaviour: help, wrong calls, what to install."""

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
