"""The options and the help texts of the command line."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence

DESCRIPTION = """\
Is a compressed image still useful to a machine?

A suite is a frozen choice of photographs, distortions and networks. The usual way:

  utilbench label glyphs              record what the suite's networks make of every image
  utilbench run ssim resnet18 -s glyphs   train and score predictors, write scorecards
  utilbench rank glyphs               leaderboard, tables and figures from what is stored
"""
FOLDERS = """\
Folders: UTILBENCH_DATA holds imagenet/ and coco/, UTILBENCH_NETWORKS holds weight files, UTILBENCH_CACHE derived
files; --data, --networks and --results win over them. Exit status: 0 done, 1 failed, 2 wrong usage.
"""


DEVICE = re.compile(r"cpu|mps|cuda(:\d{1,3})?")


def count(text: str) -> int:
    """A whole number from 0 on."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number from 0 to 999999999")
    return int(text)


def positive(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number above 0")
    return value


def share(text: str) -> float:
    """A number above 0, up to 1."""
    value = positive(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no share, which is above 0 and at most 1")
    return value


def device(text: str) -> str:
    """The name of a device."""
    if not DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no device; there are cpu, cuda, cuda:N and mps")
    return text


def path(text: str) -> str:
    """A path, which is not empty."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no path")
    return text


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
    text = "of the forward passes; ground truth is published in float32, the others are several times faster"
    command.add_argument("--precision", choices=("float32", "bf16", "fp16"), default="float32", help=text)
    text = "compile the forward passes: slow to start, then up to several times faster; changes last digits"
    command.add_argument("--compile", action="store_true", help=text)
    text = "where the work is done: in this process, or by Ray on this machine or a cluster (extra `scale`)"
    command.add_argument("--engine", choices=("local", "ray"), default="local", help=text)
    text = "address of a Ray cluster, such as auto or ray://host:10001 (default: one is started here)"
    command.add_argument(
        "--anew", action="store_true", help="run the networks although outcomes of these images were published"
    )
    command.add_argument("--address", default="", help=text)
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
    keep.add_argument("--keep-fraction", metavar="F", type=share, help=f"{aim} no more than a share F kept, 0 to 1")
    keep.add_argument(
        "--keep-bits", metavar="B", type=positive, help=f"{aim} no more than B bits an image, dropped ones 0"
    )
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
    return top


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
    return ""
