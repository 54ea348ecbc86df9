"""The command line's own behaviour: help, wrong calls, what to install."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import REPO

from handmesh_ros.cli import COMMANDS, EXIT_CODES, GENERAL_OPTIONS, main, missing_module_hint


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in [*COMMANDS, *GENERAL_OPTIONS, *map(str, EXIT_CODES)])


def test_the_document_has_the_exit_codes_of_the_command_line() -> None:
    table = (REPO / "docs" / "getting-started.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| (\d+) \| (.+) \|$", table, re.M)) == {str(code): text for code, text in EXIT_CODES.items()}


def test_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rum"]) == 2
    assert "'rum'" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    assert exit_.value.code == 0
    text = capsys.readouterr().out
    assert f"handmesh {command}" in text and all(f"  {option} " in text for option in GENERAL_OPTIONS)


def test_a_missing_package_says_what_to_install() -> None:
    assert "pip install '.[train]'" in missing_module_hint(ModuleNotFoundError("x", name="torch"))
    assert "ROS 2" in missing_module_hint(ModuleNotFoundError("x", name="sensor_msgs.msg"))
    assert "pip install PyYAML" in missing_module_hint(ModuleNotFoundError("x", name="yaml"))
    assert "install handmesh_ros again" in missing_module_hint(ModuleNotFoundError("x", name="handmesh_ros.commands.run"))


@pytest.mark.parametrize("missing", ["torch", "handmesh_training"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "lifted"],
        ["train", "mobrecon"],
        ["export", "network.pt", "--out", "network.onnx"],
        ["import-official", "mobrecon.pt", "--template", "folder", "--out", "network.onnx"],
    ],
)
def test_where_training_is_not_installed_a_command_says_how_to_get_it(missing: str, arguments: list[str]) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from handmesh_ros.cli import main; sys.exit(main({arguments}))"
    result = subprocess.run([sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert f"needs {missing}" in result.stderr and "pip install '.[train]'" in result.stderr and "Traceback" not in result.stderr


def test_the_help_of_every_command_does_without_training_and_ros() -> None:
    program = f"""
import sys
sys.modules.update(dict.fromkeys(("torch", "handmesh_training", "benchmarks", "rclpy"), None))
from handmesh_ros.cli import main
for command in {sorted(set(COMMANDS) - {"demo"})}:
    try:
        assert main([command, "--help"]) == 0
    except SystemExit as end:
        assert end.code == 0
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr


# ---- what becomes one line, and what shows its traceback ----


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A command that fails as its argument says."""
    (tmp_path / "failing_command.py").write_text(
        """
import numpy as np
from handmesh_ros.errors import InputError
from handmesh_ros.progress import say
from handmesh_ros.summary import Summary
def add_arguments(parser):
    parser.add_argument("how")
def main(arguments):
    if arguments.how in ("not", "partly", "table"):
        say("at work")
        print("a library talks")
        errors = ["one of them is missing"] if arguments.how == "partly" else []
        return Summary("it went well", {"mean_mm": float("nan"), "n": np.int64(3)}, errors, is_result=arguments.how == "table")
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


# ---- what a command tells, and where ----


@pytest.mark.parametrize(
    ("arguments", "code", "out", "err"),
    [
        (["failing", "not"], 0, "a library talks\nit went well\n", "at work\n"),
        (["failing", "not", "--quiet"], 0, "a library talks\n", ""),
        (["failing", "table", "--quiet"], 0, "a library talks\nit went well\n", ""),
        (["failing", "partly"], 1, "a library talks\nit went well\n", "at work\none of them is missing\n"),
        (["--quiet", "failing", "partly"], 1, "a library talks\n", "one of them is missing\n"),
    ],
)
def test_the_summary_is_on_stdout_and_progress_and_errors_are_not(
    failing: str, arguments: list[str], code: int, out: str, err: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    assert capsys.readouterr() == (out, err)


@pytest.mark.parametrize(("arguments", "err"), [([], "at work\na library talks\n"), (["--quiet"], "a library talks\n")])
def test_with_json_stdout_has_one_object(failing: str, arguments: list[str], err: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["failing", "not", "--json", *arguments]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"mean_mm": None, "n": 3} and printed.err == err


def test_models_and_urdf_have_figures_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    assert {model["name"]: model["state"] for model in json.loads(capsys.readouterr().out)["models"]}["mobrecon"] == "ok"
    assert main(["urdf", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["urdf"].startswith("<")
    assert main(["urdf", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("<")
