"""The options and the help texts of the command line."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from importlib.metadata import version

from benchmark.cli.app import add_app
from benchmark.cli.examples import EXAMPLES, examples
from benchmark.cli.photographs import add_advise, add_execution, add_score, add_suite
from benchmark.cli.values import count, device, path, sources
from benchmark.core.similar_names import near

DESCRIPTION = """\
Is a compressed image still useful to a machine?

A suite is a frozen choice of photographs, distortions and networks. The usual way:

  utilbench label glyphs                  record what the suite's networks make of every image
  utilbench run ssim resnet18 -s glyphs   train and score predictors, write scorecards
  utilbench rank glyphs                   leaderboard, tables and figures from what is stored

And without any suite, for your own photographs and network:

  utilbench advise photos/ --network timm:tf_efficientnet_lite0
  utilbench app                           one photograph in your browser, on this machine alone

`utilbench VERB --help` has examples. Completion in bash and zsh: eval "$(register-python-argcomplete utilbench)"
"""
FOLDERS = """\
Folders: UTILBENCH_DATA holds imagenet/, coco/ and open/, UTILBENCH_NETWORKS holds weight files, UTILBENCH_CACHE
derived files; --data, --networks and --results win over them. Exit status: 0 done, 1 failed, 2 wrong usage.
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs and their options."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser("utilbench", description=DESCRIPTION, epilog=FOLDERS, formatter_class=raw)
    top.add_argument("--version", action="version", version=f"utilbench {version('utilbench')}")
    folders = argparse.ArgumentParser(add_help=False)
    folders.add_argument(
        "--data",
        metavar="DIR",
        type=path,
        help="folder, or address such as s3://..., that holds imagenet/, coco/ and open/",
    )
    folders.add_argument("--networks", metavar="DIR", type=path, help="folder of weight files")
    folders.add_argument(
        "--results", metavar="DIR", type=path, help="where results are read and written (default: results)"
    )
    limit = argparse.ArgumentParser(add_help=False)
    text = "only about N sources, for a quick look; kept apart as SUITE-limitN and never on the board of SUITE"
    limit.add_argument("--limit", metavar="N", type=sources, default=0, help=text)
    machine = argparse.ArgumentParser(add_help=False)
    machine.add_argument("--device", type=device, help="cpu, cuda or mps (default: the best there is)")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(
        name: str, text: str, *parents: argparse.ArgumentParser, shared: Sequence[argparse.ArgumentParser] = (folders,)
    ) -> argparse.ArgumentParser:
        command = verbs.add_parser(
            name,
            help=text,
            description=textwrap.fill(text, 100),
            epilog=examples(name) + FOLDERS,
            formatter_class=raw,
            parents=[*shared, *parents],
        )
        command.set_defaults(command=command)
        return command

    add_making(verb, limit, machine)
    add_reading(verb, limit)
    add_checking(verb, machine)
    add_score(verb, limit, machine)
    add_advise(verb, machine)
    add_suite(verb, folders, machine)
    add_app(verb, machine)
    return top


def add_making(
    verb: Callable[..., argparse.ArgumentParser], limit: argparse.ArgumentParser, machine: argparse.ArgumentParser
) -> None:
    """Add the verbs that make results: `list`, `label` and `run`."""
    command = verb("list", "what there is: suites, codecs, predictors, networks, and what is on this disk")
    command.add_argument("--json", action="store_true", help="for a machine to read")
    command = verb("label", "run the task networks and record every outcome; resumable", limit, machine)
    command.add_argument("suite", help="name of a suite, or path of a .toml file")
    add_execution(command)
    command.add_argument(
        "--anew",
        action="store_true",
        help="run the networks although outcomes were published; those in --results still count",
    )
    command = verb("run", "train if it learns, score, write scorecards; labels first if need be", limit, machine)
    text = (
        "name of a baseline, path of a .py file, or folder of a submission, whose table of scores wins over its code; "
        "files, submissions and other packages' predictors run in a process of their own (bubblewrap, if installed)"
    )
    command.add_argument("predictor", nargs="+", help=text)
    command.add_argument("-s", "--suite", required=True, help="name of a suite, or path of a .toml file")
    command.add_argument("-l", "--labels", default="combined", help="label set: combined, a labelling network, or all")
    text = "another suite to train on (its combined labels): the paper's Tables III and IV"
    command.add_argument("--train-on", metavar="SUITE", default="", help=text)
    text = "seeds of a predictor that learns (default: 3 on combined labels of a whole suite, else 1)"
    command.add_argument("--seeds", type=count, default=0, metavar="N", help=text)


def add_reading(verb: Callable[..., argparse.ArgumentParser], limit: argparse.ArgumentParser) -> None:
    """Add the verbs that read results: `rank`, `compare` and `export`."""
    command = verb(
        "rank", "leaderboard, tables, figures and web page from the stored scorecards; needs no photographs", limit
    )
    command.add_argument("suite", nargs="*", help="suites; all that have results by default")
    text = "make one figure only: 1, 2a, 2b, gains, cost, conditions or rates"
    command.add_argument("--figure", metavar="F", default="", help=text)
    text = "paired differences of two predictors, or of two codecs, on a suite, with intervals; needs no photographs"
    command = verb("compare", text, limit)
    text = "name of a predictor that was run, or NAME@SUITE.LABELS as its files are called"
    command.add_argument("first", nargs="?", default="", help=text)
    command.add_argument("second", nargs="?", default="", help="another one")
    text = "instead, compare two codecs: bits of the second against those of the first at equal utility, as jpeg,webp"
    command.add_argument("--codec", metavar="A,B", default="", help=text)
    command.add_argument("-s", "--suite", required=True, help="name of a suite, or path of a .toml file")
    command.add_argument("-l", "--labels", default="combined", help="label set")
    command.add_argument("--json", action="store_true", help="for a machine to read")
    text = "write a suite's splits as Parquet shards with image bytes and labels; with -s, a trained predictor as ONNX"
    command = verb("export", text, limit)
    command.add_argument("what", metavar="SUITE|PREDICTOR", help="name or path of a suite, or with -s of a predictor")
    command.add_argument("-s", "--suite", default="", help="suite that the predictor was trained on")
    command.add_argument("-o", "--output", type=path, required=True, help="folder of the shards to write, or ONNX file")
    command.add_argument("-l", "--labels", default="combined", help="label set")


def add_checking(verb: Callable[..., argparse.ArgumentParser], machine: argparse.ArgumentParser) -> None:
    """Add the verbs that check: `check` and `verify`."""
    command = verb("check", "does a predictor keep the contract? in seconds, without data; executes its code", machine)
    command.add_argument("predictor", nargs="+", help="name of a baseline, or path of a .py file")
    command.add_argument("--json", action="store_true", help="for a machine to read")
    text = (
        "does this machine give a suite's recorded pixels, outcomes and labels? what differs, and why; or: is a submission "
        "complete and right? every problem; executes nothing of it but with --run"
    )
    command = verb("verify", text, machine)
    command.add_argument("what", metavar="SUITE|SUBMISSION", help="suite, or folder of a submission: submissions/NAME")
    text = "also execute a submission's predictor.py where it has tables of scores, and compare"
    command.add_argument("--run", action="store_true", help=text)
    text = "instead, make a suite's scorecards again from the stored scores, and compare; needs no photographs"
    command.add_argument("--recompute", action="store_true", help=text)
    command.add_argument("--json", action="store_true", help="for a machine to read")


def checked_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line; prints help where there are none, ends with status 2 where they are wrong."""
    tool = parser()
    complete(tool)
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if not given[0].startswith("-") and given[0] not in EXAMPLES:
        tool.error(f"no verb {given[0]!r}{near(given[0], EXAMPLES)}; there are {', '.join(EXAMPLES)}")
    args = tool.parse_args(given)
    if problem := usage_problem(args):
        args.command.error(problem)
    return args


def complete(tool: argparse.ArgumentParser) -> None:
    """Answer a shell that asks for completions, and end the program; do nothing where none asks."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        from benchmark.cli.completion import NamesCompleter

        argcomplete.autocomplete(tool, default_completer=NamesCompleter())


def usage_problem(args: argparse.Namespace) -> str:
    """What is wrong with arguments that only together are not valid, or an empty text."""
    if args.verb == "compare":
        codecs, predictors = args.codec.split(","), [name for name in (args.first, args.second) if name]
        if len(predictors) != 2 if not args.codec else (predictors or len(codecs) != 2 or not all(codecs)):
            return "name two predictors, or two codecs as --codec jpeg,webp"
    if args.verb == "advise" and args.predictor and not args.write:
        return "--predictor chooses the levels at which --write writes; name its folder, too"
    return ""
