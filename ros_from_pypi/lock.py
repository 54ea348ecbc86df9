"""Pins what `make` installs: exact versions and the hashes of their files, on Linux with Python 3.10 to 3.13. `make lock` calls it.

uv resolves; hashes are those of the package index. PyTorch's CPU builds lie in an index of their own: pip (give it the options that find
that index) downloads them, and their hashes are taken.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
OLDEST = "3.10"
CPU_BUILDS_FOR = ("3.10", "3.11", "3.12", "3.13")
ONLY_CUDA = ("nvidia-", "cuda-", "triton")  # what PyPI's build of PyTorch needs, and the CPU build does not

Packages = dict[str, str]  # name, version and the Pythons that it is for: all lines of it


def main(pip_options: list[str]) -> None:
    """Write every requirements*.txt; each holds only what those that are installed before it do not."""
    environment = locked("requirements.in")
    write("requirements.txt", environment)
    view = without(locked("requirements-view.in", "requirements.txt"), environment)
    write("requirements-view.txt", view)
    robot = locked("requirements-robot.in", "requirements.txt", "requirements-view.txt")
    write("requirements-robot.txt", without(robot, environment | view))
    torch = without(locked("requirements-torch.in", "requirements.txt"), environment)
    cuda = {which: lines for which, lines in torch.items() if which.startswith(("torch==", *ONLY_CUDA))}
    write("requirements-torch.txt", without(torch, cuda))
    write("requirements-torch-pypi.txt", cuda)
    (version,) = (which.split()[0] for which in cuda if which.startswith("torch=="))
    write("requirements-torch-cpu.txt", {version: cpu_builds(f"{version}+cpu", pip_options)})


def locked(source: str, *constraints: str) -> Packages:
    """What a list of names resolves to."""
    limits = [option for constraint in constraints for option in ("--constraints", str(HERE / constraint))]
    style = ["--quiet", "--no-header", "--no-annotate", "--generate-hashes", "--universal", "--python-version", OLDEST]
    command = [sys.executable, "-m", "uv", "pip", "compile", *style, *limits, str(HERE / source)]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    blocks = re.split(r"\n(?=\S)", text.strip())
    return {block.splitlines()[0]: block for block in blocks if "; sys_platform == 'win32'" not in block}


def without(packages: Packages, others: Packages) -> Packages:
    return {which: lines for which, lines in packages.items() if which not in others}


def cpu_builds(requirement: str, pip_options: list[str]) -> str:
    """Lines for a requirement, with the hashes of what pip finds for each Python."""
    lines = requirement
    for python in CPU_BUILDS_FOR:
        with tempfile.TemporaryDirectory() as folder:
            options = ["--no-deps", "--only-binary=:all:", "--python-version", python, "--dest", folder, *pip_options]
            command = [sys.executable, "-m", "pip", "download", "--quiet", *options, requirement]
            if subprocess.run(command, stderr=subprocess.DEVNULL).returncode:
                print(f"no {requirement} for Python {python} found: PyPI's build is taken there")
                continue
            (file,) = Path(folder).iterdir()
            lines += f" \\\n    --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    return lines


def write(name: str, packages: Packages) -> None:
    (HERE / name).write_text("# Made by `make lock`.\n" + "\n".join(packages.values()) + "\n")
    print(f"{name}: {len(packages)} packages")


if __name__ == "__main__":
    main(sys.argv[1:])
