"""List the model files and check them against their checksums; with --provision, make those that are missing or damaged."""

from __future__ import annotations

import argparse

from handmesh_ros.provision import ModelState, list_models, provision_all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--provision", action="store_true", help="make what is missing or damaged (downloads once, some 35 MB)")
    parser.add_argument("--force", action="store_true", help="with --provision: make everything anew that is not committed")


def main(arguments: argparse.Namespace) -> int:
    if arguments.provision:
        provision_all(force=arguments.force)
    faulty = []
    print(f"{'model':<18}{'kind':<11}{'state':<10}{'licence':<14}description")
    for status in list_models():
        model = status.model
        print(f"{model.name:<18}{model.kind:<11}{status.state.value:<10}{model.licence:<14}{model.description}")
        if status.state is not ModelState.OK:
            faulty.append(status)
    for status in faulty:
        print(f"\n{status.explain()}")
    return 1 if faulty else 0
