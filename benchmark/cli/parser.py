"""The options and the help texts of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from benchmark.cli.app import add_app
from benchmark.cli.values import count, device, figure_file, names, path, positive, share, shares

DESCRIPTION = """\
Is a compressed image still useful to a machine?

A suite is a frozen choice of photographs, distortions and networks. The usual way:

  utilbench label glyphs              record what the suite's networks make of every image
  utilbench run ssim resnet18 -s glyphs   train and score predictors, write scorecards
  utilbench rank glyphs               leaderboard, tables and figures from what is stored

And without any suite, for your own photographs and network:

  utilbench advise photos/ --network timm:tf_efficientnet_lite0
  utilbench app                       one photograph in your browser, on this machine alone
"""
FOLDERS = """\
Folders: UTILBENCH_DATA holds imagenet/ and coco/, UTILBENCH_NETWORKS holds weight files, UTILBENCH_CACHE derived
files; --data, --networks and --results win over them. Exit status: 0 done, 1 failed, 2 wrong usage.
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs and their options."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser("utilbench", description=DESCRIPTION, epilog=FOLDERS, formatter_class=raw)
    folders = argparse.ArgumentParser(add_help=False)
    folders.add_argument(
        "--data", metavar="DIR", type=path, help="folder, or address such as s3://..., that holds imagenet/ and coco/"
    )
    folders.add_argument("--networks", metavar="DIR", type=path, help="folder of weight files")
    folders.add_argument(
        "--results", metavar="DIR", type=path, help="where results are read and written (default: results)"
    )
    limit = argparse.ArgumentParser(add_help=False)
    text = "only about N sources, for a quick look; kept apart as SUITE-limitN and never on the board of SUITE"
    limit.add_argument("--limit", metavar="N", type=count, default=0, help=text)
    machine = argparse.ArgumentParser(add_help=False)
    machine.add_argument("--device", type=device, help="cpu, cuda or mps (default: the best there is)")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return verbs.add_parser(
            name, help=text, description=text, epilog=FOLDERS, formatter_class=raw, parents=[folders, *parents]
        )

    command = verb("list", "what there is: suites, networks, predictors, and what is on this disk")
    command.add_argument("--json", action="store_true", help="for a machine to read")
    command = verb("label", "run the task networks and record every outcome; resumable", limit, machine)
    command.add_argument("suite", help="name of a suite, or path of a .toml file")
    add_execution(command)
    command.add_argument(
        "--anew", action="store_true", help="run the networks although outcomes of these images were published"
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
    command = verb("check", "does a predictor keep the contract? in seconds, without data; executes its code", machine)
    command.add_argument("predictor", nargs="+", help="name of a baseline, or path of a .py file")
    command.add_argument("--json", action="store_true", help="for a machine to read")
    text = "paired differences of two predictors, or of two codecs, on a suite, with intervals; needs no photographs"
    command = verb("compare", text)
    text = "name of a predictor that was run, or NAME@SUITE.LABELS as its files are called"
    command.add_argument("first", nargs="?", default="", help=text)
    command.add_argument("second", nargs="?", default="", help="another one")
    text = "instead, compare two codecs: bits of the second against those of the first at equal utility, as jpeg,webp"
    command.add_argument("--codec", metavar="A,B", default="", help=text)
    command.add_argument("-s", "--suite", required=True, help="name of a suite, or path of a .toml file")
    command.add_argument("-l", "--labels", default="combined", help="label set")
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
    command = verb("score", "how useful are your own images, by a predictor that was evaluated before", machine)
    command.add_argument("predictor", help="name of a baseline, or path of a .py file")
    command.add_argument("image", nargs="+", help="image files, or folders of them")
    command.add_argument(
        "-s", "--suite", default="glyphs", help="suite that it was trained, and its threshold chosen, on"
    )
    command.add_argument("-l", "--labels", default="combined", help="label set")
    command.add_argument(
        "--reference", metavar="PATH", help="pristine image, or folder of those, for full-reference predictors"
    )
    command.add_argument("--json", action="store_true", help="JSON instead of CSV")
    keep = command.add_mutually_exclusive_group()
    aim = "instead of the frozen threshold, the one that on the suite's validation images keeps the most images with"
    keep.add_argument("--keep-accuracy", metavar="A", type=share, help=f"{aim} a share A of useful ones, 0 to 1")
    text = "instead of the frozen threshold, one that keeps no more than a share F of these files, 0 to 1"
    keep.add_argument("--keep-fraction", metavar="F", type=share, help=text)
    keep.add_argument(
        "--keep-bits", metavar="B", type=positive, help=f"{aim} no more than B bits an image, dropped ones 0"
    )
    text = "what --keep-fraction is a share of: these files (default), or the images of the suite's validation part"
    command.add_argument("--of", choices=("files", "suite"), default="files", help=text)
    add_advise(verb, machine)
    add_suite(verbs, folders, machine)
    command = verb(
        "rank", "leaderboard, tables, figures and web page from the stored scorecards; needs no photographs", limit
    )
    command.add_argument("suite", nargs="*", help="suites; all that have results by default")
    text = "make one figure only: 1, 2a, 2b, gains, cost, conditions or rates"
    command.add_argument("--figure", metavar="F", default="", help=text)
    text = "write a suite's splits as Parquet shards with image bytes and labels; with -s, a trained predictor as ONNX"
    command = verb("export", text, limit)
    command.add_argument("what", metavar="SUITE|PREDICTOR", help="name or path of a suite, or with -s of a predictor")
    command.add_argument("-s", "--suite", default="", help="suite that the predictor was trained on")
    command.add_argument("-o", "--output", type=path, required=True, help="folder of the shards to write, or ONNX file")
    command.add_argument("-l", "--labels", default="combined", help="label set")
    add_app(verb, machine)
    return top


ADVISE = """\
what can be compressed away before your network notices? the cheapest codec and level at which it decides as before, without
labels or training

  utilbench advise photos/ --network timm:tf_efficientnet_lite0
  utilbench advise photos/ --network onnx:yolox_nano --codec webp:90/75/60,avif --keep 0.98 --report report.html
  utilbench advise photos/ --network onnx:yolox_nano --resize 1,0.75,0.5 --write small/
"""


def add_advise(verb: Callable[..., argparse.ArgumentParser], *parents: argparse.ArgumentParser) -> None:
    """Add the verb `advise`."""
    command = verb("advise", ADVISE.partition("\n\n")[0].replace("\n", " "), *parents)
    command.description = ADVISE
    command.add_argument("photographs", nargs="+", metavar="PHOTOS", help="files, folders, or one address of a folder")
    text = (
        "network to ask, as timm:MODEL, torchvision:MODEL, onnx:FILE, hf:ORG/NAME, or python:FILE.py:FUNCTION, whose file is "
        "executed; repeat it for several"
    )
    command.add_argument("--network", action="append", required=True, metavar="NAME", help=text)
    text = (
        "codecs to try (default: jpeg,jpeg444,webp,avif,jpeg2000), each with eight levels or with its own as webp:90/75/60; "
        "avif-speed6 is AVIF at speed 6 instead of 8"
    )
    command.add_argument("--codec", metavar="A,B", type=names, default=None, help=text)
    text = "share of the decisions to keep (default: 0.99)"
    command.add_argument("--keep", metavar="S", type=share, default=0.99, help=text)
    text = "share of its objects that a detector must find again to keep its decision (default: 0.5)"
    command.add_argument("--retained", metavar="S", type=share, default=0.5, help=text)
    text = "also reduce photographs to these shares of their sides, such as 1,0.75,0.5 (default: 1)"
    command.add_argument("--resize", metavar="A,B", type=shares, default=[1.0], help=text)
    text = "what counts as independent: photograph, folder, or auto: folders of numbered frames (default)"
    command.add_argument("--group", choices=("auto", "photograph", "folder"), default="auto", help=text)
    command.add_argument("--limit", metavar="N", type=count, default=0, help="only about N of the photographs")
    add_execution(command)
    output = command.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="for a machine to read")
    output.add_argument("--csv", action="store_true", help="every level as CSV")
    text = "also draw the curves into this file, .png or .svg"
    command.add_argument("--figure", metavar="FILE", type=figure_file, default=None, help=text)
    text = "also write an HTML file with curves, tables and the photographs that flip first"
    command.add_argument("--report", metavar="FILE", type=path, default=None, help=text)
    text = "also write the photographs into this folder, at the cheapest advised setting"
    command.add_argument("--write", metavar="DIR", type=path, default=None, help=text)
    text = "with --write: each at the lowest level of that codec that this predictor calls useful"
    command.add_argument("--predictor", metavar="NAME", default="", help=text)
    text = "with --predictor: the suite that it was trained, and its threshold chosen, on (default: glyphs)"
    command.add_argument("-s", "--suite", default="glyphs", help=text)


def add_suite(verbs: Any, *parents: argparse.ArgumentParser) -> None:
    """Add the verb `suite`, with its two parts."""
    text = "init: a suite over your own photographs and networks; levels: levels that make a suite hard enough"
    command = verbs.add_parser("suite", help=text, description=text)
    kinds = command.add_subparsers(dest="kind", required=True, metavar="init|levels")
    text = "write a suite over your own photographs, whose truth is what your networks agree on; then label, run and rank it"
    init = kinds.add_parser("init", help=text, description=text, parents=list(parents))
    init.add_argument("photographs", nargs="+", metavar="PHOTOS", help="folders, files, or one address of a folder")
    text = "labelling network, as source:model; repeat it: labels need two at least, better three"
    init.add_argument("--network", action="append", required=True, metavar="NAME", help=text)
    text = "network for downstream performance, none of the labelling ones; repeat it; without any, that is left out"
    init.add_argument("--held-out", action="append", default=[], metavar="NAME", help=text)
    text = "codecs and camera faults of the suite (default: jpeg,webp)"
    init.add_argument("--codec", metavar="A,B", type=names, default=["jpeg", "webp"], help=text)
    init.add_argument("-o", "--output", metavar="FILE", type=path, required=True, help="the .toml file to write")
    text = "print levels for each of a suite's distortions, from what its labelling networks keep on training sources"
    levels = kinds.add_parser("levels", help=text, description=text, parents=list(parents))
    levels.add_argument("suite", help="name of a suite, or path of a .toml file")
    for kind in (init, levels):
        text = "about how many photographs to look at (default: 60)"
        kind.add_argument("--sample", metavar="N", type=count, default=60, help=text)


def add_execution(command: argparse.ArgumentParser) -> None:
    """Add the options of how networks are run."""
    text = "of the forward passes; ground truth is published in float32, the others are several times faster"
    command.add_argument("--precision", choices=("float32", "bf16", "fp16"), default="float32", help=text)
    text = "compile the forward passes: slow to start, then up to several times faster; changes last digits"
    command.add_argument("--compile", action="store_true", help=text)
    text = "where the work is done: in this process, or by Ray on this machine or a cluster (extra `scale`)"
    command.add_argument("--engine", choices=("local", "ray"), default="local", help=text)
    text = "address of a Ray cluster, such as auto or ray://host:10001 (default: one is started here)"
    command.add_argument("--address", default="", help=text)


def checked_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line; ends the program with status 2 where they are not valid."""
    tool = parser()
    args = tool.parse_args(arguments)
    if problem := usage_problem(args):
        tool.error(problem)
    return args


def usage_problem(args: argparse.Namespace) -> str:
    """What is wrong with arguments that only together are not valid, or an empty text."""
    if args.verb == "compare":
        codecs, predictors = args.codec.split(","), [name for name in (args.first, args.second) if name]
        if len(predictors) != 2 if not args.codec else (predictors or len(codecs) != 2 or not all(codecs)):
            return "compare: name two predictors, or two codecs as --codec jpeg,webp"
    if args.verb == "advise" and args.predictor and not args.write:
        return "advise: --predictor chooses the levels at which --write writes; name its folder, too"
    return ""
