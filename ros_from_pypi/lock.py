"""Prints the exact versions of what pip installed into this environment, PyTorch and its CUDA excepted; `make lock` keeps the result.

`pip freeze` would also name what the ROS wheels bring along as egg-info (std_msgs besides ros-std-msgs), which no registry has.
"""

from __future__ import annotations

from importlib.metadata import distributions

NOT_PINNED = ("pip", "torch", "moderngl", "glcontext", "triton", "nvidia-", "cuda-")


def main() -> None:
    installed = {
        package.metadata["Name"]: package.version for package in distributions() if (package.read_text("INSTALLER") or "").strip() == "pip"
    }
    for name in sorted(set(installed), key=str.lower):
        if not name.lower().startswith(NOT_PINNED):
            print(f"{name}=={installed[name]}")


if __name__ == "__main__":
    main()
