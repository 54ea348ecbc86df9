"""List the model files and check them against their checksums; with --provision, make those that are missing or damaged."""

from __future__ import annotations

import argparse

from handmesh_ros.progress import say
from handmesh_ros.provision import ModelState, list_models, provision_all
from handmesh_ros.summary import Summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--provision", action="store_true", help="make what is missing or damaged (downloads once, some 35 MB)")
    parser.add_argument("--force", action="store_true", help="with --provision: make everything anew that is not committed")


def main(arguments: argparse.Namespace) -> Summary:
    if arguments.provision:
        provision_all(say, arguments.force)
    rows, faults, figures = [f"{'model':<18}{'kind':<11}{'state':<10}{'licence':<14}description"], list[str](), []
    for status in list_models():
        model, state = status.model, status.state.value
        rows.append(f"{model.name:<18}{model.kind:<11}{state:<10}{model.licence:<14}{model.description}")
        figures.append({"name": model.name, "kind": model.kind, "state": state, "licence": model.licence, "path": status.path})
        if status.state is not ModelState.OK:
            faults.append(status.explain())
    return Summary("\n".join(rows), {"models": figures}, faults, is_result=True)
