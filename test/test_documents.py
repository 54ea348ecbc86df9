"""The documents: links lead somewhere, what is to be typed exists, and lines fit into an editor."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.paths import REPO

from handmesh_ros.cli import COMMANDS

FOLDERS = ("docs", "models", "examples", "ros_from_pypi")
DOCUMENTS = [*sorted(REPO.glob("*.md")), *sorted(path for folder in FOLDERS for path in (REPO / folder).rglob("*.md"))]
OTHERS_MODULES = {"pip", "pytest", "venv"}  # of `python -m`
WIDTH = 140  # columns, as the code's
LINK = re.compile(r"\]\(([^)\s]+)\)")


def named(path: Path) -> str:
    return path.relative_to(REPO).as_posix()


def parts(text: str) -> tuple[list[str], list[str]]:
    """Lines of prose (headings and tables among them) and lines of fenced code."""
    prose: list[str] = []
    code: list[str] = []
    fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        else:
            (code if fenced else prose).append(line)
    return prose, code


def typed(text: str) -> Iterator[str]:
    """What a reader may type: fenced lines, and prose between backticks."""
    prose, code = parts(text)
    yield from code
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", "\n".join(prose)))


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub makes them."""
    found: set[str] = set()
    for line in parts(text)[0]:
        if heading := re.match(r"#+ (.*)", line):
            words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            found.add(anchor if anchor not in found else f"{anchor}-1")
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in LINK.findall("\n".join(parts(text)[0])):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), target
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_commands_exist(document: Path) -> None:
    for text in typed(document.read_text(encoding="utf-8")):
        for module in re.findall(r"-m ([a-z][\w.]*)", text):
            file = REPO / module.replace(".", "/")
            assert file.with_suffix(".py").is_file() or (file / "__main__.py").is_file() or module in OTHERS_MODULES, text
        for command in re.findall(r"(?:^|/|\s)handmesh ([a-z][\w-]*)", text):
            assert command in COMMANDS, text


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_prose_is_not_too_wide(document: Path) -> None:
    """Tables cannot be broken; code says for itself."""
    prose, _ = parts(document.read_text(encoding="utf-8"))
    assert [line for line in prose if len(line) > WIDTH and not line.lstrip().startswith("|")] == []


def test_every_document_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [REPO / "README.md"]
    while waiting:
        document = waiting.pop()
        if document in reached:
            continue
        reached.add(document)
        targets = (target.partition("#")[0] for target in LINK.findall(document.read_text(encoding="utf-8")))
        waiting += [document.parent.joinpath(name).resolve() for name in targets if name.endswith(".md") and "://" not in name]
    assert [named(document) for document in DOCUMENTS if document not in reached] == []


def test_the_changelog_ends_with_this_version() -> None:
    versions = re.findall(r"^(\d+\.\d+\.\d+) \(\d{4}-\d\d-\d\d\)\n-+$", (REPO / "CHANGELOG.rst").read_text(encoding="utf-8"), re.M)
    assert versions[0] == ElementTree.parse(REPO / "package.xml").getroot().findtext("version")
    assert versions == sorted(set(versions), key=lambda version: [int(part) for part in version.split(".")], reverse=True)


def test_the_changelog_is_what_catkin_tools_read() -> None:
    changelog = pytest.importorskip("catkin_pkg.changelog", reason="needs catkin_pkg, which ROS brings")
    found = changelog.get_changelog_from_path(str(REPO / "CHANGELOG.rst"), "handmesh_ros")
    assert {version for version, _, content in found.foreach_version() if content} >= {"0.1.0", "0.2.0"}


def test_the_python_api_is_as_it_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The blocks of docs/python-api.md, one after the other."""
    monkeypatch.chdir(REPO)
    blocks = re.findall(r"```python\n(.*?)```", (REPO / "docs" / "python-api.md").read_text(encoding="utf-8"), re.S)
    names: dict[str, object] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"docs/python-api.md, block {number + 1}", "exec"), names)
    printed = capsys.readouterr().out
    assert "right 1 tracking" in printed and "there is no model 'no_such_model'" in printed


def test_what_is_wrong_with_a_document_is_found() -> None:
    text = "# One `two`: three\n# One `two`: three\n```\n# a comment\nhandmesh demo\n```\nsay `handmesh\nrun x`\n"
    assert anchors(text) == {"one-two-three", "one-two-three-1"}
    assert list(typed(text)) == ["# a comment", "handmesh demo", "two", "two", "handmesh run x"]
