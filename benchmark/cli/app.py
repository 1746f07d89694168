"""The verb `app`: a page in a browser of this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmark.cli.values import port

if TYPE_CHECKING:
    import argparse

    from benchmark.core.workspace import Workspace

SUITE = "imagenet-lite"
"""The suite of photographs whose predictors are asked by default."""


def add_app(verb: Callable[..., argparse.ArgumentParser], *parents: argparse.ArgumentParser) -> None:
    """Add the verb `app`."""
    text = (
        "a page in your browser, on this machine alone: drop a photograph, choose codec and level, see what networks and "
        "predictors say of it; and the boards (extra `app`)"
    )
    command = verb("app", text, *parents)
    text = (
        "network to ask, as source:model; repeat it for several (default: one of the suite's that is on this machine)"
    )
    command.add_argument("--network", action="append", default=[], metavar="NAME", help=text)
    text = "predictor to ask; repeat it for several (default: all of the suite's that are ready on this machine)"
    command.add_argument("--predictor", action="append", default=[], metavar="NAME", help=text)
    text = f"suite that predictors were trained, and their thresholds chosen, on (default: {SUITE})"
    command.add_argument("-s", "--suite", default=SUITE, help=text)
    text = "port to listen on (default: the first free one from 7860 on)"
    command.add_argument("--port", metavar="P", type=port, default=0, help=text)


def show_app(args: argparse.Namespace, workspace: Workspace) -> None:
    """`utilbench app`."""
    from benchmark.app.server import serve

    serve(args.network, args.predictor, args.suite, workspace, port=args.port)
