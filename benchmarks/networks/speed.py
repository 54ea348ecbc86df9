"""Speed and size of every mesh network, in one interleaved run: ``python -m benchmarks networks``.

One table: all networks and precisions, one and two threads, ONNX Runtime and, where installed, OpenVINO. The row "naive" is torch's
own export of the same network. Sessions take turns, so that whatever else the machine does meets all of them alike; the machine's fp32
peak is measured in the same turns, with ONNX Runtime's own matrix product. With one thread, the processor time of the calling thread is
measured beside the wall clock: on a quiet machine both agree, on a busy one only the processor time says what a network costs.
Ratios and rates use it where there is one.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from benchmarks.networks.model_files import ModelFile, write_models
from handmesh_ros.files import package_root
from handmesh_training.export.graph import GraphBuilder

PEAK_SIZE = 768
Runnable = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """Measured figures of one file in one runtime; milliseconds, megabytes. ``cpu_ms`` is None with more than one thread."""

    file: ModelFile
    runtime: str
    threads: int
    median_ms: float
    p99_ms: float
    cpu_ms: float | None
    peak_gflops: float
    loaded_mb: float
    run_mb: float

    @property
    def cost_ms(self) -> float:
        """What ratios and rates are made of."""
        return self.median_ms if self.cpu_ms is None else self.cpu_ms

    @property
    def gflops(self) -> float | None:
        macs = self.file.multiply_adds
        return None if macs is None else 2 * macs / self.cost_ms / 1e6

    @property
    def peak_share(self) -> float | None:
        return None if self.gflops is None else self.gflops / self.peak_gflops


def network_speeds(files: list[ModelFile], threads: tuple[int, ...] = (1, 2), rounds: int = 60, openvino: bool = True) -> list[Row]:
    """Time all files in turns.

    Args:
        files: what to run; each needs one float32 input of a fixed shape.
        threads: thread counts to compare.
        rounds: timed runs of each; each follows an untimed one that brings the weights back into the caches.
        openvino: also in OpenVINO, where it is installed.
    """
    runs: dict[tuple[ModelFile, str, int], Runnable] = {}
    for count in threads:
        for file in files:
            runs[file, "onnxruntime", count] = onnxruntime_run(file.path, count)
            if openvino and importlib.util.find_spec("openvino"):
                runs[file, "openvino", count] = openvino_run(file.path, count)
    peaks = {count: _peak_run(count) for count in threads}
    times: dict[tuple[ModelFile, str, int], list[tuple[float, float]]] = {key: [] for key in runs}
    peak_times: dict[int, list[tuple[float, float]]] = {count: [] for count in threads}
    for _ in range(rounds):
        for key, run in runs.items():
            run()
            times[key].append(_timed(run))
        for count, run in peaks.items():
            peak_times[count].append(_timed(run))
    memory = {file: memory_mb(file.path) for file in files}
    rows = []
    for (file, runtime, count), seconds in times.items():
        wall, cpu = 1e3 * np.array(seconds).T
        one = count == 1
        peak_s = float(np.median(np.array(peak_times[count])[:, 1 if one else 0]))
        rows.append(
            Row(
                file, runtime, count, float(np.median(wall)), float(np.percentile(wall, 99)),
                float(np.median(cpu)) if one else None, 2 * PEAK_SIZE**3 / peak_s / 1e9, *memory[file],
            )
        )  # fmt: skip
    return rows


def _timed(run: Runnable) -> tuple[float, float]:
    """Seconds by the wall clock and of this thread's processor time."""
    wall, cpu = time.perf_counter(), time.thread_time()
    run()
    return time.perf_counter() - wall, time.thread_time() - cpu


def onnxruntime_run(path: Path, threads: int) -> Runnable:
    """A function that runs the model once."""
    session = _session(path.read_bytes(), threads)
    feed = {i.name: np.full(i.shape, 0.5, np.float32) for i in session.get_inputs()}
    return lambda: session.run(None, feed)


def openvino_run(path: Path, threads: int) -> Runnable:
    """The same in OpenVINO, in float32 where the model is."""
    import openvino

    options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(str(path), "CPU", options)
    image = np.full(tuple(compiled.input(0).shape), 0.5, np.float32)
    request = compiled.create_infer_request()
    return lambda: request.infer({0: image})


def _session(model: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _peak_run(threads: int) -> Runnable:
    """A large float32 matrix product: what the processor can do at best."""
    graph = GraphBuilder()
    shape = (PEAK_SIZE, PEAK_SIZE)
    graph.output("product", graph.node("MatMul", "image", graph.constant(np.ones(shape))), shape)
    session = _session(graph.model("peak", "image", shape, {}).SerializeToString(), threads)
    feed = {"image": np.ones(shape, np.float32)}
    return lambda: session.run(None, feed)


MEMORY_PROBE = """
import sys
import numpy as np, onnxruntime as ort
def peak_kb():  # not getrusage: its maximum begins with that of the parent process
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
options = ort.SessionOptions(); options.intra_op_num_threads = 1; options.log_severity_level = 3
before = peak_kb()
session = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
feed = {i.name: np.full(i.shape, 0.5, np.float32) for i in session.get_inputs()}
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
loaded = peak_kb()
for _ in range(3): session.run(None, feed)
print((loaded - before) / 1024, (peak_kb() - loaded) / 1024)
"""


def memory_mb(path: Path) -> tuple[float, float]:
    """Resident memory of a fresh process, MB: what a loaded model adds, and what its forward passes allocate on top of that."""
    done = subprocess.run([sys.executable, "-c", MEMORY_PROBE, str(path)], capture_output=True, text=True, check=True, timeout=120)
    loaded, run = (float(number) for number in done.stdout.split())
    return loaded, run


def speed_table(rows: list[Row]) -> str:
    """The rows as text, with each latency's ratio to the naive export of the same network, runtime and thread count."""
    naive = {(r.file.name, r.runtime, r.threads): r.cost_ms for r in rows if r.file.precision == "naive"}
    lines = [
        f"{'network':<22} {'form':<6} {'runtime':<12} {'thr':>3} {'median ms':>9} {'p99':>7} {'cpu':>7} {'/naive':>6} "
        f"{'M madds':>8} {'M par':>6} {'MB':>6} {'GFLOP/s':>8} {'peak':>5} {'RSS MB':>7} {'run MB':>7}"
    ]
    for r in rows:
        base = naive.get((r.file.name, r.runtime, r.threads))
        lines.append(
            f"{r.file.name:<22} {r.file.precision:<6} {r.runtime:<12} {r.threads:>3} "
            f"{r.median_ms:>9.2f} {r.p99_ms:>7.2f} {_text(r.cpu_ms, '7.2f')} "
            f"{_text(base and r.cost_ms / base, '6.2f')} {_text(_millions(r.file.multiply_adds), '8.1f')} "
            f"{_text(_millions(r.file.parameters), '6.2f')} {r.file.size_mb:>6.1f} {_text(r.gflops, '8.1f')} "
            f"{_text(r.peak_share, '5.0%')} {r.loaded_mb:>7.0f} {r.run_mb:>7.1f}"
        )
    return "\n".join(lines)


def _millions(count: int | None) -> float | None:
    return None if count is None else count / 1e6


def _text(value: float | None, form: str) -> str:
    return format(value, form) if value is not None else "-".rjust(int(form.split(".")[0]))


def bench_networks(out: Path, rounds: int = 60, threads: tuple[int, ...] = (1, 2), pictures: Path | None = None) -> None:
    """Export, measure and print all networks, and the mesh models that lie in models/; writes networks.txt to ``out``."""
    from handmesh_training.networks import TemplateLevels
    from handmesh_training.template import HandTemplate

    levels = TemplateLevels.from_hand_template(HandTemplate.load())
    with tempfile.TemporaryDirectory(prefix="handmesh_networks_") as folder:
        files = write_models(Path(folder), levels, pictures) + shipped_models()
        text = speed_table(network_speeds(files, threads, rounds))
    print(text)
    out.mkdir(parents=True, exist_ok=True)
    (out / "networks.txt").write_text(text + "\n")


def shipped_models() -> list[ModelFile]:
    """The mesh networks in models/, whatever they are made of."""
    import onnx

    files = []
    for path in sorted((package_root() / "models").glob("*.onnx")):
        metadata = {p.key: p.value for p in onnx.load(path, load_external_data=False).metadata_props}
        if "handmesh_contract" in metadata:
            files.append(ModelFile(metadata.get("name", path.stem), "file", path, None, None))
    return files
