"""No process of ours sends word home: ONNX Runtime's own telemetry is off wherever it may be imported first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import REPO

# A stay long enough for what ONNX Runtime writes when it begins; what it sends comes later.
RUN = """
import os, sys, time
import {module}
import onnxruntime
onnxruntime.InferenceSession({model!r}, providers=["CPUExecutionProvider"])
time.sleep(2)
print(os.environ.get("ORT_DISABLE_TELEMETRY"), [os.readlink(f"/proc/self/fd/{{fd}}") for fd in os.listdir("/proc/self/fd")
    if os.path.exists(f"/proc/self/fd/{{fd}}") and os.readlink(f"/proc/self/fd/{{fd}}").startswith("socket:")])
"""


@pytest.mark.parametrize("module", ["handmesh_ros", "handmesh_training", "benchmarks"])
def test_a_run_leaves_no_file_at_home_and_opens_no_socket(module: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(REPO), "PYTHONDONTWRITEBYTECODE": "1"}
    program = RUN.format(module=module, model=str(REPO / "models" / "mobrecon_lite.onnx"))
    done = subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1 []"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_the_user_has_set_stays() -> None:
    program = "import handmesh_ros, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0", "PYTHONPATH": str(REPO)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
