"""Small YAML files that people and programs write: calibrations, hand sizes, settings. None of them can hold the program up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from handmesh_ros.errors import InputError

LARGEST_YAML = 64 << 10  # bytes; a calibration has 1 kB, the largest file of this project 5
DEEPEST_BRACKETS = 50  # in one another; two thousand take PyYAML seconds, in which nothing else runs


class YamlFileError(InputError):
    """A YAML file cannot be used; the message names it."""


def read_yaml(path: str | Path) -> Any:
    """The content of a YAML file: plain values only, no objects.

    Raises:
        YamlFileError: there is no such file, it is no YAML, too large, nested too deeply, or has aliases.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise YamlFileError(f"{path}: is no ordinary file")  # a pipe would never end
        with path.open("rb") as file:
            content = file.read(LARGEST_YAML + 1)
    except OSError as error:
        raise YamlFileError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > LARGEST_YAML:
        raise YamlFileError(f"{path}: is larger than {LARGEST_YAML >> 10} kB, so it is none of the files that belong here")
    try:
        text = content.decode("utf-8-sig")
        # OpenCV's first line is not quite YAML's.
        documents = list(yaml.load_all(text.replace("%YAML:", "%YAML ", 1) if text.startswith("%YAML:") else text, _PlainLoader))
    except UnicodeDecodeError as error:
        raise YamlFileError(f"{path}: is no YAML file (no text in UTF-8)") from error
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise YamlFileError(f"{path}: is no YAML file ({error.problem or error.context}{line})") from error
    except (yaml.YAMLError, ValueError) as error:
        raise YamlFileError(f"{path}: is no YAML file ({str(error).splitlines()[0]})") from error
    except RecursionError as error:
        raise YamlFileError(f"{path}: is nested too deeply") from error
    if any(document is not None for document in documents[1:]):  # what `ros2 topic echo` prints ends with a ---
        raise YamlFileError(f"{path}: holds {len(documents)} documents with --- between them; one is expected")
    return documents[0] if documents else None


class _PlainLoader(yaml.SafeLoader):
    """Reads no aliases: nested, a few lines of them make billions of values. Refuses brackets that are too deep when they open, and a name
    that comes twice. Takes OpenCV's matrices for what they are, mappings."""

    def fetch_flow_collection_start(self, token_class: type[yaml.Token]) -> None:
        if self.flow_level >= DEEPEST_BRACKETS:
            raise RecursionError
        super().fetch_flow_collection_start(token_class)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event: Any = self.current_event
            raise yaml.MarkedYAMLError(problem=f"the alias *{event.anchor}: write its value out", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                if key.value in names:
                    raise yaml.MarkedYAMLError(problem=f"a second value of {key.value}", problem_mark=key.start_mark)
                names.add(key.value)
        return super().construct_mapping(node, deep)


def _mapping(loader: _PlainLoader, node: yaml.MappingNode) -> Any:
    return loader.construct_mapping(node)


_PlainLoader.add_constructor("tag:yaml.org,2002:opencv-matrix", _mapping)
