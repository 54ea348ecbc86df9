"""What pip installs, away from the repository: nothing of the checkout is needed to find the package's own files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import REPO

SOURCES = (
    "handmesh_ros",
    "handmesh_training",
    "models",
    "config",
    "setup.py",
    "pyproject.toml",
    "package.xml",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
)
PROVISIONED = ("palm_detection.onnx", "hand_landmark.onnx", "lifted.onnx", "*.sha256")  # a fresh checkout has none of them


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a wheel of this checkout was installed into."""
    tools = "import setuptools, pip\ntry: import setuptools.command.bdist_wheel\nexcept ImportError: import wheel"
    if subprocess.run([sys.executable, "-c", tools], capture_output=True).returncode != 0:
        pytest.skip("needs pip, and setuptools 70.1 or wheel: the wheel is built without the network")
    folder = tmp_path_factory.mktemp("wheel")
    sources, target = folder / "sources", folder / "installed"
    sources.mkdir()
    for name in SOURCES:  # a copy: building leaves files in the folder
        if (REPO / name).is_dir():
            shutil.copytree(REPO / name, sources / name, ignore=shutil.ignore_patterns("__pycache__", *PROVISIONED))
        else:
            shutil.copy(REPO / name, sources / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, sources], check=True, timeout=240)
    subprocess.run([*pip, "install", "--no-deps", "--no-compile", "--target", target, next(folder.glob("*.whl"))], check=True, timeout=240)
    shutil.rmtree(sources)
    return target


def run(installed: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(command, cwd=installed.parent, env=environment, capture_output=True, text=True, timeout=120)


def test_template_configurations_and_models_are_found(installed: Path) -> None:
    pytest.importorskip("torch")
    result = run(installed, sys.executable, "-c", f"""
from pathlib import Path
import handmesh_ros, handmesh_training
from handmesh_ros.files import clip_file, package_root, required_file
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.provision import DEFAULT_MODEL, model_path
from handmesh_training.networks import NetworkConfig
from handmesh_training.template import HandTemplate
from handmesh_training.trainer import loop
from handmesh_training.trainer.config import read_config
from handmesh_training.lifted import recipe
installed = Path({str(installed)!r})
assert {{Path(module.__file__).parents[1] for module in (handmesh_ros, handmesh_training)}} == {{installed}}
assert package_root() == installed / "share" / "handmesh_ros"
assert HandTemplate.load().mean_vertices.shape == (778, 3)
config = read_config(required_file(loop.MOBRECON_CONFIG))
NetworkConfig.from_yaml(package_root() / config.network)
assert required_file(recipe.LIFTED_CONFIG).is_relative_to(installed) and clip_file("demo.mp4").is_relative_to(installed)
assert MeshNetwork(model_path(DEFAULT_MODEL)).patch_size > 0
""")  # fmt: skip
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("train", "--help"), ("export", "--help"), ("run", "--help")])
def test_the_command_is_there_and_helps(installed: Path, arguments: tuple[str, ...]) -> None:
    result = run(installed, str(installed / "bin" / "handmesh"), *arguments)
    assert result.returncode == 0 and "usage: handmesh" in result.stdout, result.stderr


def test_the_models_are_listed_and_what_is_missing_is_told(installed: Path) -> None:
    result = run(installed, str(installed / "bin" / "handmesh"), "models")
    states = {line.split()[0]: line.split()[2] for line in result.stdout.splitlines() if line[:1].isalpha()}
    assert states["mobrecon_lite"] == states["lifted_decoder"] == "ok"
    assert states["palm_detection"] == "missing"
    assert result.returncode == 1 and "--provision" in result.stderr, result.stdout
