"""Prints the exact versions of what pip installed into this environment, PyTorch excepted; `make lock` keeps the result.

`pip freeze` would also name what the ROS wheels bring along as egg-info (std_msgs besides ros-std-msgs), which no registry has.
"""

from __future__ import annotations

from importlib.metadata import distributions


def main() -> None:
    installed = {
        package.metadata["Name"]: package.version
        for package in distributions()
        if (package.read_text("INSTALLER") or "").strip() == "pip"
    }
    for name in sorted(set(installed) - {"pip", "torch"}, key=str.lower):
        print(f"{name}=={installed[name]}")


if __name__ == "__main__":
    main()
