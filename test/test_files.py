"""The package's own files are found in the checkout and in an installed tree."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import REPO

from handmesh_ros.errors import InputError
from handmesh_ros.files import MissingFileError, clip_file, package_file, package_root, user_path


def test_a_file_of_the_checkout() -> None:
    assert package_file("config/hand.yaml") == REPO / "config" / "hand.yaml"
    assert package_file("config/nonesuch.yaml") is None


def test_a_file_that_must_be_there_is_named() -> None:
    assert clip_file("demo.mp4") == package_root() / "config" / "demo" / "demo.mp4"
    with pytest.raises(MissingFileError, match=r"config/demo/nonesuch.*install"):
        clip_file("nonesuch")


def test_a_file_of_an_installed_tree(tmp_path: Path) -> None:
    package = tmp_path / "lib" / "python3" / "site-packages" / "handmesh_ros"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for name in ("files.py", "errors.py"):
        (package / name).write_text((REPO / "handmesh_ros" / name).read_text())
    installed = tmp_path / "share" / "handmesh_ros" / "config" / "hand.yaml"
    installed.parent.mkdir(parents=True)
    installed.touch()
    program = "from handmesh_ros.files import package_file; print(package_file('config/hand.yaml'))"
    result = subprocess.run([sys.executable, "-c", program], cwd=package.parent, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == str(installed)


def test_a_path_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_path("~/sizes.yaml") == tmp_path / "sizes.yaml"
    assert user_path("/a b/~") == Path("/a b/~")
    with pytest.raises(InputError, match="no home directory that ~ could mean"):
        user_path("~nobody_of_this_name/sizes.yaml")
