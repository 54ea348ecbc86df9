"""What an older version left among the files of this one is named."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import REPO

from handmesh_ros.installation import LEFT_BY_0_1, InstallationError, check_installation


def test_this_installation_is_whole() -> None:
    check_installation()
    assert not any((REPO / "handmesh_ros" / name).exists() for name in LEFT_BY_0_1)


def test_what_is_left_of_an_older_version_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "__init__.py").touch()
    (tmp_path / "perception").mkdir()
    (tmp_path / "perception" / "imm.py").touch()
    with pytest.raises(InstallationError, match=r"version 0\.1.*rm -r") as told:
        check_installation([str(tmp_path)])
    assert str(told.value).endswith(f"rm -r {tmp_path / 'training'} {tmp_path / 'perception' / 'imm.py'}")


def test_what_git_leaves_of_a_folder_is_no_older_version(tmp_path: Path) -> None:
    (tmp_path / "training" / "__pycache__").mkdir(parents=True)
    (tmp_path / "perception").mkdir()
    (tmp_path / "perception" / "imm.py").symlink_to(tmp_path / "gone.py")
    check_installation([str(tmp_path)])


def test_the_command_says_so_before_anything_else_fails(tmp_path: Path) -> None:
    package = tmp_path / "handmesh_ros"
    shutil.copytree(REPO / "handmesh_ros", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "training").mkdir()
    (package / "training" / "__init__.py").touch()
    result = subprocess.run([sys.executable, "-m", "handmesh_ros.cli", "models"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1 and result.stdout == ""
    assert f"rm -r {package / 'training'}" in result.stderr and "Traceback" not in result.stderr
