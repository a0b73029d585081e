"""Completion of the command line in a shell, by shtab: words, options, choices and file names."""

import argparse
import importlib
import sys
from pathlib import Path

SHELLS = ("bash", "zsh", "tcsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the step's arguments."""
    parser.epilog = """examples:
  circlet completion bash > ~/.local/share/bash-completion/completions/circlet
  circlet completion zsh > ~/.zfunc/_circlet      with fpath+=~/.zfunc before compinit in ~/.zshrc
"""
    parser.add_argument("shell", choices=SHELLS, help="whose")


def complete(parser: argparse.ArgumentParser, shell: str) -> str:
    """Write the script that completes a command line; what may be a path is completed as such."""
    import shtab

    (steps,) = (
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    )
    for step in steps.choices.values():
        for action in step._actions:
            if action.type in (None, Path) and not action.choices and action.nargs != 0:
                action.complete = shtab.FILE
    return shtab.complete(parser, shell)


def run(args: argparse.Namespace) -> None:
    """Run the step."""
    from circlet.cli import build_parser

    sys.stdout.write(complete(build_parser(*installed_steps()), args.shell) + "\n")


def installed_steps() -> list[str]:
    """Name the steps whose options can be told: without torch, some cannot be imported."""
    from circlet.cli import STEPS

    found = []
    for name, (module, _) in STEPS.items():
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
        else:
            found.append(name)
    return found
