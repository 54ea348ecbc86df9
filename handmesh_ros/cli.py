"""The command ``handmesh``: picks the sub-command and imports only what that one needs."""

from __future__ import annotations

import argparse
import importlib
import io
import sys
import traceback
from collections.abc import Sequence

from handmesh_ros.errors import HandmeshError
from handmesh_ros.installation import check_installation

# Name -> the module with its add_arguments and main, and what it does.
COMMANDS = {
    "run": ("handmesh_ros.commands.run", "track hands in a video, a folder of pictures, a picture or a camera, without ROS"),
    "annotate": (
        "handmesh_ros.commands.annotate",
        "add hands to a LeRobot data set, or to every video of a folder; resumable, in parallel",
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

USAGE = (
    "usage: handmesh [--debug] COMMAND [ARGUMENTS]\n\ncommands ('handmesh COMMAND --help' tells more):\n"
    + "\n".join(f"  {name:<16} {text}" for name, (_, text) in COMMANDS.items())
    + "\n\n--debug, before or behind the command: show the traceback of an error, too"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command and return its exit code: 0 done, 1 it failed (the message says why), 2 the call is wrong.

    Only errors that say what to do become a message; a fault of the code shows its traceback.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be UTF-8
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    if arguments[0] not in COMMANDS:
        print(f"handmesh: there is no command {arguments[0]!r}\n\n{USAGE}", file=sys.stderr)
        return 2
    try:
        check_installation()
        return _run(*arguments)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except (HandmeshError, OSError, ModuleNotFoundError) as error:
        message = missing_module_hint(error) if isinstance(error, ModuleNotFoundError) else str(error)
        if debug:
            traceback.print_exc()
        print(f"handmesh {arguments[0]}: {message}", file=sys.stderr)
        return 1


def _run(name: str, *arguments: str) -> int:
    command = importlib.import_module(COMMANDS[name][0])
    parser = argparse.ArgumentParser(prog=f"handmesh {name}", description=command.__doc__)
    command.add_arguments(parser)
    return int(command.main(parser.parse_args(arguments)))


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
