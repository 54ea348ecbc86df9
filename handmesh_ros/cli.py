"""The command ``handmesh``: picks the sub-command and imports only what that one needs."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from types import FrameType

from handmesh_ros.errors import HandmeshError
from handmesh_ros.installation import check_installation
from handmesh_ros.progress import silenced
from handmesh_ros.summary import Summary

# Name -> the module with its add_arguments and main, and what it does.
COMMANDS = {
    "run": ("handmesh_ros.commands.run", "track hands in a video, a folder of pictures, a picture or a camera, without ROS"),
    "annotate": (
        "handmesh_ros.commands.annotate",
        "add hands to a LeRobot data set, to a ROS recording, or to every video and recording of a folder; in parallel",
    ),
    "fuse": ("handmesh_ros.commands.fuse", "hands of several calibrated cameras become one hand with a smaller error"),
    "view": ("handmesh_ros.commands.view", "show hands live in a browser: picture, mesh in space, curves, buttons; without ROS"),
    "demo": ("handmesh_ros.commands.demo", "camera, hand node and a listener as three ROS 2 processes; draws and measures the result"),
    "models": ("handmesh_ros.commands.models", "list, provision and verify the model files"),
    "urdf": ("handmesh_ros.commands.urdf", "print the URDF of a human hand, for the angles of joint_states"),
    "bench": (
        "handmesh_ros.commands.bench",
        "what a frame costs on this machine (stages, node), and whether the node endures faults (endurance)",
    ),
    "eval": ("handmesh_ros.commands.eval", "errors of a model on a data set"),
    "train": ("handmesh_ros.commands.train", "train the networks of this project"),
    "export": ("handmesh_ros.commands.export", "write a trained network as an ONNX model"),
    "import-official": ("handmesh_ros.commands.import_official", "turn an official MobRecon checkpoint into an ONNX model"),
}

TRAINING_MODULES = ("handmesh_training", "torch", "scipy", "fast_simplification", "moderngl")  # what robots do without
# Where the distribution has another name.
ON_PYPI = {"cv2": "opencv-python-headless", "yaml": "PyYAML", "ray": "'ray[data]'", "rerun": "rerun-sdk"}

GENERAL_OPTIONS = {
    "--quiet": "no progress and no summary: only errors, and what was asked for, such as a table",
    "--json": "the summary or table as one JSON object on stdout, and nothing else there",
    "--debug": "the traceback of an error, too",
}
STOPPED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM  # as shells count
EXIT_CODES = {
    0: "done; also with frames left out, or a live camera stopped by Ctrl-C",
    1: "failed, or not all is well: the last lines say why, and what is left",
    2: "the call is wrong",
    STOPPED: "stopped by Ctrl-C",
    TERMINATED: "stopped by SIGTERM",
}


def _rows(title: str, rows: dict[str, str]) -> str:
    return f"{title}:\n" + "\n".join(f"  {name:<16} {text}" for name, text in rows.items())


USAGE = "\n\n".join(
    (
        "usage: handmesh COMMAND [ARGUMENTS] [--quiet] [--json] [--debug]",
        _rows("commands ('handmesh COMMAND --help' tells more)", {name: text for name, (_, text) in COMMANDS.items()}),
        _rows("options of every command, before or behind it", GENERAL_OPTIONS),
        _rows("exit codes", {str(code): text for code, text in EXIT_CODES.items()}),
    )
)


class _Terminated(KeyboardInterrupt):
    """SIGTERM: it ends a command as Ctrl-C does, so that files and processes are tidied up."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command and return its exit code (``EXIT_CODES``).

    Only errors that say what to do become a message; a fault of the code shows its traceback.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be UTF-8
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = [argument for argument in given if argument not in GENERAL_OPTIONS]
    quiet, as_json, debug = (option in given for option in GENERAL_OPTIONS)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    if arguments[0] not in COMMANDS:
        print(f"handmesh: there is no command {arguments[0]!r}\n\n{USAGE}", file=sys.stderr)
        return 2
    try:
        check_installation()
        with _ended_by_sigterm(), silenced(quiet), _stdout_kept_clean(as_json):
            summary = _run(*arguments)
        if as_json:
            print(summary.json())
        elif summary.text and (summary.is_result or not quiet):
            print(summary.text)
        for error in summary.errors:
            print(error, file=sys.stderr)
        return 1 if summary.errors else 0
    except KeyboardInterrupt as stop:
        if not quiet:
            print("stopped", file=sys.stderr)
        return TERMINATED if isinstance(stop, _Terminated) else STOPPED
    except (HandmeshError, OSError, ModuleNotFoundError) as error:
        message = missing_module_hint(error) if isinstance(error, ModuleNotFoundError) else str(error)
        if debug:
            traceback.print_exc()
        print(f"handmesh {arguments[0]}: {message}", file=sys.stderr)
        return 1


def _run(name: str, *arguments: str) -> Summary:
    command = importlib.import_module(COMMANDS[name][0])
    parser = argparse.ArgumentParser(prog=f"handmesh {name}", description=command.__doc__)
    command.add_arguments(parser)
    general = parser.add_argument_group("options of every command")
    for option, text in GENERAL_OPTIONS.items():  # for --help: main has taken them out, wherever they stood
        general.add_argument(option, action="store_true", default=argparse.SUPPRESS, help=text)
    summary: Summary = command.main(parser.parse_args(arguments))
    return summary


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    def terminate(_number: int, _frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stdout_kept_clean(needed: bool) -> contextlib.AbstractContextManager[object]:
    """What a library prints meanwhile goes to stderr."""
    return contextlib.redirect_stdout(sys.stderr) if needed else contextlib.nullcontext()


def missing_module_hint(error: ModuleNotFoundError) -> str:
    """What to install when a command needs more than the ROS-free part."""
    module = (error.name or "").split(".")[0]
    if module in TRAINING_MODULES:
        return f"needs {module}, which belongs to training: in a checkout of this project, pip install '.[train]' (docs/training.md)"
    if module == "rclpy" or module.endswith("_msgs") or error.name == "handmesh_ros.msg":
        return f"needs ROS 2 ({error.name} is missing): source your ROS workspace, or use 'make demo', or 'handmesh run' without ROS"
    if module == "handmesh_ros":
        return f"this installation is incomplete ({error.name} is missing): install handmesh_ros again"
    return f"the Python package {module!r} is missing: pip install {ON_PYPI.get(module, module)}"


if __name__ == "__main__":
    sys.exit(main())
