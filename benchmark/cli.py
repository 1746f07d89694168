"""The command line: verbs only, no logic. Heavy imports stand inside the verbs, so that --help is quick."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from benchmark.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.runtime import Paths

DESCRIPTION = """\
Is a compressed image still useful to a machine?

A suite is a frozen choice of photographs, compression levels and networks. The usual way:

  utilbench label glyphs              record what the suite's networks make of every image
  utilbench run ssim resnet18 -s glyphs   train and score predictors, write scorecards
  utilbench rank glyphs               leaderboard, tables and figures from what is stored
"""
FOLDERS = """\
Folders: UTILBENCH_DATA holds imagenet/ and coco/, UTILBENCH_NETWORKS holds weight files, UTILBENCH_CACHE derived
files; --data, --networks and --results win over them. Exit status: 0 done, 1 failed, 2 wrong usage.
"""


def parser() -> argparse.ArgumentParser:
    """All verbs and their options."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser("utilbench", description=DESCRIPTION, epilog=FOLDERS, formatter_class=raw)
    folders = argparse.ArgumentParser(add_help=False)
    folders.add_argument("--data", metavar="DIR", help="folder that holds imagenet/ and coco/")
    folders.add_argument("--networks", metavar="DIR", help="folder of weight files")
    folders.add_argument("--results", metavar="DIR", help="where results are read and written (default: results)")
    limit = argparse.ArgumentParser(add_help=False)
    text = "only about N sources, for a quick look; kept apart as SUITE-limitN and never on the board of SUITE"
    limit.add_argument("--limit", metavar="N", type=int, default=0, help=text)
    machine = argparse.ArgumentParser(add_help=False)
    machine.add_argument("--device", default="", help="cpu, cuda or mps (default: the best there is)")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return verbs.add_parser(
            name, help=text, description=text, epilog=FOLDERS, formatter_class=raw, parents=[folders, *parents]
        )

    one = verb("list", "what there is: suites, networks, predictors, and what is on this disk")
    one.add_argument("--json", action="store_true", help="for a machine to read")
    one = verb("label", "run the task networks and record every outcome; resumable", limit, machine)
    one.add_argument("suite", help="name of a suite, or path of a .toml file")
    precision_help = "of the forward passes; ground truth is published in float32, bf16 is several times faster"
    one.add_argument("--precision", choices=("float32", "bf16"), default="float32", help=precision_help)
    one = verb("run", "train if it learns, score, write scorecards; labels first if need be", limit, machine)
    text = "name of a baseline, path of a .py file, or folder of a submission, whose table of scores wins over its code"
    one.add_argument("predictor", nargs="+", help=text)
    one.add_argument("-s", "--suite", required=True, help="name of a suite, or path of a .toml file")
    one.add_argument("-l", "--labels", default="combined", help="label set: combined, a labelling network, or all")
    text = "another suite to train on (its combined labels): the paper's Tables III and IV"
    one.add_argument("--train-on", metavar="SUITE", default="", help=text)
    one.add_argument("--seeds", type=int, default=1, metavar="N", help="seeds of a predictor that learns (default: 1)")
    one = verb("check", "does a predictor keep the contract? in seconds, without data; executes its code", machine)
    one.add_argument("predictor", nargs="+", help="name of a baseline, or path of a .py file")
    one.add_argument("--json", action="store_true", help="for a machine to read")
    one = verb(
        "compare", "paired differences of two predictors on a suite, with intervals that resample sources", machine
    )
    one.add_argument("one", help="name of a predictor that was run, or NAME@SUITE.LABELS as its files are called")
    one.add_argument("other", help="another one")
    one.add_argument("-s", "--suite", required=True, help="name of a suite, or path of a .toml file")
    one.add_argument("-l", "--labels", default="combined", help="label set")
    one.add_argument("--json", action="store_true", help="for a machine to read")
    text = "is a submission complete and right? every problem; executes nothing of it but with --run"
    one = verb("verify", text, machine)
    one.add_argument("submission", help="folder of a submission: submissions/NAME")
    text = "also execute its predictor.py where it has tables of scores, and compare"
    one.add_argument("--run", action="store_true", help=text)
    one.add_argument("--json", action="store_true", help="for a machine to read")
    one = verb("score", "how useful are your own images, by a predictor that was evaluated before", machine)
    one.add_argument("predictor", help="name of a baseline, or path of a .py file")
    one.add_argument("image", nargs="+", help="image files, or folders of them")
    one.add_argument("-s", "--suite", default="glyphs", help="suite that it was trained, and its threshold chosen, on")
    one.add_argument("-l", "--labels", default="combined", help="label set")
    one.add_argument(
        "--reference", metavar="PATH", help="pristine image, or folder of those, for full-reference predictors"
    )
    one.add_argument("--json", action="store_true", help="JSON instead of CSV")
    keep = one.add_mutually_exclusive_group()
    told = "instead of the frozen threshold, the one that on the suite's validation images keeps the most images with"
    keep.add_argument("--keep-accuracy", metavar="A", type=float, help=f"{told} a share A of useful ones, 0 to 1")
    keep.add_argument("--keep-fraction", metavar="F", type=float, help=f"{told} no more than a share F kept, 0 to 1")
    keep.add_argument(
        "--keep-bits", metavar="B", type=float, help=f"{told} no more than B bits an image, dropped ones 0"
    )
    one = verb("rank", "leaderboard, tables and figures from the stored scorecards; needs no photographs", limit)
    one.add_argument("suite", nargs="*", help="suites; all that have results by default")
    text = "write a suite's splits as Parquet shards with image bytes and labels; with -s, a trained predictor as ONNX"
    one = verb("export", text, limit)
    one.add_argument("what", metavar="SUITE|PREDICTOR", help="name or path of a suite, or with -s of a predictor")
    one.add_argument("-s", "--suite", default="", help="suite that the predictor was trained on")
    one.add_argument("-o", "--output", required=True, help="folder of the shards to write, or ONNX file")
    one.add_argument("-l", "--labels", default="combined", help="label set")
    return top


def list_all(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench list`."""
    from benchmark.inventory import inventory, render

    found = inventory(paths)
    print(json.dumps(found, indent=1) if args.json else render(found))


def label_suite(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench label`."""
    from benchmark.ground_truth import label
    from benchmark.suite import load_suite
    from benchmark.summary import label_summary

    truth = label(load_suite(args.suite, args.limit), paths, args.precision, args.device)
    print(label_summary(truth))


def run_predictors(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench run`."""
    from benchmark.evaluate import evaluate
    from benchmark.ground_truth import label
    from benchmark.leaderboard import one_line
    from benchmark.suite import load_suite

    suite = load_suite(args.suite, args.limit)
    truth = label(suite, paths, device=args.device)
    for labels in suite.label_sets if args.labels == "all" else (args.labels,):
        for name in args.predictor:
            card = evaluate(name, suite, labels, range(args.seeds), paths, truth, args.device, args.train_on)
            print(one_line(card), flush=True)


def told(found: Iterable[dict[str, str]], as_json: bool) -> str:
    """Print checks, as they come or as JSON; returns how many failed, in words, or nothing."""
    rows = []
    for row in found:
        rows.append(row)
        if not as_json:
            name = ": ".join(value for key, value in row.items() if key != "problem")
            print(f"{'FAIL' if row['problem'] else 'ok':<5}{name}", flush=True)
            print(f"     {row['problem']}\n" if row["problem"] else "", end="", flush=True)
    if as_json:
        print(json.dumps(rows, indent=1))
    broken = sum(bool(row["problem"]) for row in rows)
    return f"{broken} of {len(rows)} checks failed" if broken else ""


def check_predictors(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench check`."""
    from benchmark.contract import check_predictor
    from benchmark.errors import PredictorError

    found = (
        {"predictor": name, "check": check.name, "problem": check.problem}
        for name in args.predictor
        for check in check_predictor(name, paths.networks, args.device or "cpu")
    )
    if failed := told(found, args.json):
        raise PredictorError(failed)


def verify_submission(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench verify`."""
    from benchmark.errors import SubmissionError
    from benchmark.verify import verify

    checks = verify(args.submission, paths, args.run, args.device)
    if failed := told(({"check": one.name, "problem": one.problem} for one in checks), args.json):
        raise SubmissionError(failed)


def score_images(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench score`."""
    import csv

    from benchmark.operating import AIMS
    from benchmark.use import image_files, load_predictor

    files = image_files(args.image)
    ready = load_predictor(args.predictor, args.suite, args.labels, paths, args.device)
    for aim in AIMS:
        if (value := getattr(args, f"keep_{aim}")) is not None:
            ready, point = ready.keeping(aim, value)
            print(f"{args.suite}, validation: {point}", file=sys.stderr)
    rows = ready.score_files(files, args.reference)
    if args.json:
        print(json.dumps([{"file": str(row.file), "score": row.score, "useful": row.useful} for row in rows], indent=1))
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("file", "score", "useful"))
    writer.writerows((row.file, f"{row.score:.6g}", int(row.useful)) for row in rows)


def rank_suites(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench rank`."""
    from benchmark.leaderboard import rank

    for text in rank(args.suite, args.limit, paths):
        print(text)


def compare_predictors(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench compare`."""
    from dataclasses import asdict

    from benchmark.comparison import as_table, compare
    from benchmark.ground_truth import label
    from benchmark.suite import load_suite

    truth = label(load_suite(args.suite), paths, device=args.device)
    rows = compare(truth, args.one, args.other, args.labels, paths)
    if args.json:
        print(json.dumps([asdict(row) | {"difference": row.difference} for row in rows], indent=1))
    else:
        print("\n".join(as_table(args.one, args.other, rows)))


def export_what(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench export`."""
    if not args.suite:
        from benchmark.export import export
        from benchmark.suite import load_suite

        for path in export(load_suite(args.what, args.limit), args.labels, paths, args.output):
            print(path)
        return
    from pathlib import Path

    from benchmark.to_onnx import to_onnx
    from benchmark.use import load_predictor

    ready = load_predictor(args.what, args.suite, args.labels, paths, "cpu")
    gap = to_onnx(ready, Path(args.output), {"suite": args.suite, "labels": args.labels})
    print(f"{args.output}: threshold {ready.threshold:.6g}; scores within {gap:.1g} of the original's")


VERBS = {
    "list": list_all,
    "label": label_suite,
    "run": run_predictors,
    "check": check_predictors,
    "verify": verify_submission,
    "score": score_images,
    "rank": rank_suites,
    "compare": compare_predictors,
    "export": export_what,
}


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    args = parser().parse_args(arguments)
    from benchmark.runtime import Paths

    try:
        VERBS[args.verb](args, Paths.named(args.data, args.networks, args.results))
    except BenchmarkError as error:
        print(f"utilbench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("utilbench: stopped; the same command goes on where it was", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
