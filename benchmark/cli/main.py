"""The command line holds verbs only and no logic. Heavy imports are inside the verbs, so that --help is quick."""

from __future__ import annotations

import itertools
import json
import os
import sys
from typing import TYPE_CHECKING

from benchmark.cli.parser import parser
from benchmark.core.errors import BenchmarkError
from benchmark.core.messages import show_messages

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from benchmark.core.paths import Paths


def list_all(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench list`."""
    from benchmark.cli.listing import inventory, render

    tables = inventory(paths)
    print(json.dumps(tables, indent=1) if args.json else render(tables))


def label_suite(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench label`."""
    from dataclasses import replace

    from benchmark.labelling.execution import ExecutionConfig
    from benchmark.labelling.label_report import label_summary
    from benchmark.labelling.pipeline import label
    from benchmark.suites.loading import load_suite

    execution = ExecutionConfig(
        precision=args.precision, compiled=args.compile, engine=args.engine, address=args.address
    )
    if args.anew:
        paths = replace(paths, published=None)
    truth = label(load_suite(args.suite, limit=args.limit), paths, device=args.device, execution=execution)
    print(label_summary(truth, paths.cache))


def run_predictors(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench run`."""
    from benchmark.evaluation.evaluate import evaluate
    from benchmark.labelling.pipeline import label
    from benchmark.leaderboard.rank import one_line
    from benchmark.suites.loading import load_suite

    suite = load_suite(args.suite, limit=args.limit)
    truth = label(suite, paths, device=args.device)
    label_sets = suite.label_sets if args.labels == "all" else (args.labels,)
    failed = []
    for labels, name in itertools.product(label_sets, args.predictor):
        try:
            card = evaluate(name, suite, labels, range(args.seeds), paths, truth, args.device, args.train_on)
        except BenchmarkError as error:
            if len(label_sets) * len(args.predictor) == 1:
                raise
            print(f"utilbench: {name}, {labels} labels: {error}", file=sys.stderr, flush=True)
            failed.append(name)
        else:
            print(one_line(card), flush=True)
    if failed:
        total = len(label_sets) * len(args.predictor)
        raise BenchmarkError(f"{len(failed)} of {total} runs failed ({', '.join(dict.fromkeys(failed))}), see above")


def told(results: Iterable[dict[str, str]], as_json: bool) -> str:
    """Print the results of checks, one by one or as JSON; returns how many failed, in words, or an empty string."""
    rows = []
    for row in results:
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
    from benchmark.core.errors import PredictorError
    from benchmark.plugins.predictors.contract import check_predictor

    results = (
        {"predictor": name, "check": check.name, "problem": check.problem}
        for name in args.predictor
        for check in check_predictor(name, networks=paths.networks, device=args.device or "cpu")
    )
    if failed := told(results, args.json):
        raise PredictorError(failed)


def verify_what(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench verify`."""
    from pathlib import Path

    from benchmark.core.errors import ResultError, SubmissionError
    from benchmark.evaluation.submission_check import verify
    from benchmark.labelling.reproducibility import reproduce
    from benchmark.suites.loading import load_suite

    submission = Path(args.what).is_dir()
    checks = (
        verify(args.what, paths, args.run, args.device)
        if submission
        else reproduce(load_suite(args.what), paths, device=args.device)
    )
    if failed := told(({"check": check.name, "problem": check.problem} for check in checks), args.json):
        raise (SubmissionError if submission else ResultError)(failed)


def score_images(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench score`."""
    import csv

    from benchmark.deployment.inference import image_files, load_predictor
    from benchmark.metrics.operating_points import AIMS

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
    from benchmark.leaderboard.rank import rank

    for text in rank(args.suite, args.limit, paths, args.figure):
        print(text)


def compare_predictors(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench compare`."""
    from dataclasses import asdict

    from benchmark.labelling.pipeline import recorded_truth
    from benchmark.leaderboard.comparison import as_table, compare
    from benchmark.suites.loading import load_suite

    truth = recorded_truth(load_suite(args.suite), paths)
    rows = compare(truth, args.one, args.other, args.labels, paths)
    if args.json:
        print(json.dumps([asdict(row) | {"difference": row.difference} for row in rows], indent=1))
    else:
        print("\n".join(as_table(args.one, args.other, rows)))


def export_what(args: argparse.Namespace, paths: Paths) -> None:
    """`utilbench export`."""
    if not args.suite:
        from benchmark.labelling.parquet_export import export
        from benchmark.suites.loading import load_suite

        for path in export(load_suite(args.what, limit=args.limit), args.labels, paths, args.output):
            print(path)
        return
    from pathlib import Path

    from benchmark.deployment.inference import load_predictor
    from benchmark.deployment.onnx import to_onnx

    ready = load_predictor(args.what, args.suite, args.labels, paths, "cpu")
    gap = to_onnx(ready, Path(args.output), {"suite": args.suite, "labels": args.labels})
    print(f"{args.output}: threshold {ready.threshold:.6g}; scores within {gap:.1g} of the original's")


VERBS = {
    "list": list_all,
    "label": label_suite,
    "run": run_predictors,
    "check": check_predictors,
    "verify": verify_what,
    "score": score_images,
    "rank": rank_suites,
    "compare": compare_predictors,
    "export": export_what,
}


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    args = parser().parse_args(arguments)
    show_messages()
    from benchmark.core.paths import Paths

    try:
        VERBS[args.verb](args, Paths.named(args.data, args.networks, args.results))
    except BenchmarkError as error:
        print(f"utilbench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("utilbench: stopped; the same command goes on where it was", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
