"""The package's own files are found in the checkout and in an installed tree."""

import subprocess
import sys
from pathlib import Path

from support.paths import REPO

from handmesh_ros.files import package_file


def test_a_file_of_the_checkout() -> None:
    assert package_file("config/hand.yaml") == REPO / "config" / "hand.yaml"
    assert package_file("config/nonesuch.yaml") is None


def test_a_file_of_an_installed_tree(tmp_path: Path) -> None:
    package = tmp_path / "lib" / "python3" / "site-packages" / "handmesh_ros"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "files.py").write_text((REPO / "handmesh_ros" / "files.py").read_text())
    installed = tmp_path / "share" / "handmesh_ros" / "config" / "hand.yaml"
    installed.parent.mkdir(parents=True)
    installed.touch()
    program = "from handmesh_ros.files import package_file; print(package_file('config/hand.yaml'))"
    result = subprocess.run([sys.executable, "-c", program], cwd=package.parent, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == str(installed)
