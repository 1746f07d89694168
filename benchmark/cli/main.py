"""The command line holds verbs only and no logic. Heavy imports are inside the verbs, so that --help is quick."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from benchmark.cli.app import show_app
from benchmark.cli.parser import checked_arguments
from benchmark.cli.photographs import advise_photographs, execution_of, make_suite, score_images
from benchmark.core.errors import BenchmarkError
from benchmark.core.files import file_errors
from benchmark.core.messages import print_anything, show_messages

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from benchmark.core.checks import Check
    from benchmark.core.workspace import Workspace


def list_all(args: argparse.Namespace, workspace: Workspace) -> None:
    """`utilbench list`."""
    from benchmark.cli.listing import inventory, render

    tables = inventory(workspace)
    print(json.dumps(tables, indent=1) if args.json else render(tables))


def label_suite(args: argparse.Namespace, workspace: Workspace) -> None:
    """`utilbench label`."""
    from dataclasses import replace

    from benchmark.labelling.label_report import label_summary
    from benchmark.labelling.pipeline import label
    from benchmark.suites.loading import load_suite

    if args.anew:
        workspace = replace(workspace, published=None)
    truth = label(load_suite(args.suite, limit=args.limit), workspace, execution=execution_of(args))
    print(label_summary(truth, workspace.cache))


def run_predictors(args: argparse.Namespace, workspace: Workspace) -> None:
    """`utilbench run`."""
    from benchmark.evaluation.evaluate import evaluate_together
    from benchmark.labelling.pipeline import label
    from benchmark.leaderboard.after_run import next_steps, one_line
    from benchmark.suites.loading import load_suite

    suite = load_suite(args.suite, limit=args.limit)
    truth = label(suite, workspace)
    label_sets = suite.label_sets if args.labels == "all" else (args.labels,)
    pairs = [(name, labels) for labels in label_sets for name in args.predictor]
    results = evaluate_together(pairs, truth, workspace, seeds=range(args.seeds), train_on=args.train_on)
    failed, cards = [], []
    for (name, labels), result in zip(pairs, results, strict=True):
        if not isinstance(result, BenchmarkError):
            print(one_line(result), flush=True)
            cards.append(result)
        elif len(pairs) == 1:
            raise result
        else:
            print(f"utilbench: {name}, {labels} labels: {result}", file=sys.stderr, flush=True)
            failed.append(name)
    for line in next_steps(suite, cards, workspace):
        print(line, file=sys.stderr)
    if failed:
        raise BenchmarkError(
            f"{len(failed)} of {len(pairs)} runs failed ({', '.join(dict.fromkeys(failed))}), see above"
        )


def report_checks(results: Iterable[dict[str, str]], as_json: bool) -> str:
    """Print the results of checks, one by one or as JSON; returns how many failed, in words, or an empty string."""
    rows: list[dict[str, str]] = []
    for row in results:
        is_repeated = row["problem"] in [earlier["problem"] for earlier in rows]
        rows.append(row)
        if not as_json:
            name = ": ".join(value for key, value in row.items() if key != "problem")
            print(f"{'FAIL' if row['problem'] else 'ok':<5}{name}", flush=True)
            problem = "the same, see above" if is_repeated else row["problem"]
            print(f"     {problem}\n" if row["problem"] else "", end="", flush=True)
    if as_json:
        print(json.dumps(rows, indent=1))
    broken = sum(bool(row["problem"]) for row in rows)
    return f"{broken} of {len(rows)} checks failed" if broken else ""


def check_predictors(args: argparse.Namespace, workspace: Workspace) -> None:
    """`utilbench check`."""
    from benchmark.core.checks import Check
    from benchmark.core.errors import PredictorError
    from benchmark.plugins.predictors.contract import check_predictor

    def checks(name: str) -> Iterable[Check]:
        device = workspace.device if workspace.chosen_device else "cpu"
        try:
            yield from check_predictor(name, networks=workspace.networks, device=device, hidden=workspace.private)
        except BenchmarkError as error:
            if len(args.predictor) == 1:
                raise
            yield Check("it can be loaded", str(error))

    results = (
        {"predictor": name, "check": check.name, "problem": check.problem}
        for name in args.predictor
        for check in checks(name)
    )
    if failed := report_checks(results, args.json):
        raise PredictorError(failed)


def verify_what(args: argparse.Namespace, workspace: Workspace) -> None:
    """`utilbench verify`."""
    from pathlib import Path

    from benchmark.core.errors import ResultError, SubmissionError, SuiteError
    from benchmark.core.similar_names import no_such_file

    path = Path(args.what)
    submission = path.is_dir()
    if len(path.parts) > 1 and not path.exists():
        raise SubmissionError(no_such_file(path))
    if submission and args.recompute:
        raise SubmissionError(f"{args.what}: --recompute is for suites; --run executes a submission's predictor.py")
    if args.run and not submission:
        raise SuiteError(f"{args.what}: --run is for folders of submissions; --recompute makes a suite's values again")
    checks = submission_checks(args, workspace) if submission else suite_checks(args, workspace)
    if failed := report_checks(({"check": check.name, "problem": check.problem} for check in checks), args.json):
        raise (SubmissionError if submission else ResultError)(failed)


def submission_checks(args: argparse.Namespace, workspace: Workspace) -> Iterable[Check]:
    """The checks of `utilbench verify SUBMISSION`."""
    from benchmark.evaluation.submission_check import verify

    return verify(args.what, workspace, run=args.run)


def suite_checks(args: argparse.Namespace, workspace: Workspace) -> Iterable[Check]:
    """The checks of `utilbench verify SUITE`."""
    from benchmark.evaluation.recomputation import recompute
    from benchmark.labelling.reproducibility import reproduce
    from benchmark.suites.loading import load_suite

    return (recompute if args.recompute else reproduce)(load_suite(args.what), workspace)


def rank_suites(args: argparse.Namespace, workspace: Workspace) -> None:
    """`utilbench rank`."""
    from benchmark.leaderboard.rank import rank

    for text in rank(args.suite, workspace, limit=args.limit, figure=args.figure):
        print(text)


def compare_predictors(args: argparse.Namespace, workspace: Workspace) -> None:
    """`utilbench compare`."""
    from benchmark.labelling.pipeline import recorded_truth
    from benchmark.leaderboard import codec_comparison, comparison
    from benchmark.suites.loading import load_suite

    first, second = args.codec.split(",") if args.codec else (args.first, args.second)
    truth = recorded_truth(load_suite(args.suite, limit=args.limit), workspace)
    if args.codec:
        differences = codec_comparison.compare_codecs(truth, first, second)
        records = codec_comparison.as_records(differences)
        lines = codec_comparison.as_table(truth, first, second, differences)
    else:
        rows = comparison.compare(truth, first, second, args.labels, workspace)
        records, lines = comparison.as_records(rows), comparison.as_table(first, second, rows)
    print(json.dumps(records, indent=1) if args.json else "\n".join(lines))


def export_what(args: argparse.Namespace, workspace: Workspace) -> None:
    """`utilbench export`."""
    from benchmark.suites.loading import load_suite

    if not args.suite:
        from benchmark.labelling.parquet_export import export

        for path in export(load_suite(args.what, limit=args.limit), args.labels, workspace, args.output):
            print(path)
        return
    from dataclasses import replace
    from pathlib import Path

    from benchmark.deployment.inference import load_predictor
    from benchmark.deployment.onnx import to_onnx

    here, suite = replace(workspace, chosen_device="cpu"), load_suite(args.suite, limit=args.limit)
    ready = load_predictor(args.what, args.suite, labels=args.labels, limit=args.limit, workspace=here)
    gap = to_onnx(ready, Path(args.output), {"suite": suite.folder, "labels": args.labels})
    print(f"{args.output}: threshold {ready.threshold:.6g}; scores within {gap:.1g} of the original's")


VERBS = {
    "list": list_all,
    "label": label_suite,
    "run": run_predictors,
    "check": check_predictors,
    "verify": verify_what,
    "score": score_images,
    "advise": advise_photographs,
    "suite": make_suite,
    "rank": rank_suites,
    "compare": compare_predictors,
    "export": export_what,
    "app": show_app,
}


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    print_anything()
    args = checked_arguments(arguments)
    show_messages()
    from benchmark.core.devices import keep_freed_memory
    from benchmark.core.workspace import Workspace

    keep_freed_memory()  # statistics take half as long
    try:
        device = getattr(args, "device", None) or ""
        workspace = Workspace.named(data=args.data, networks=args.networks, results=args.results, device=device)
        with file_errors(None):
            VERBS[args.verb](args, workspace)
    except BenchmarkError as error:
        print(f"utilbench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("utilbench: stopped; the same command goes on where it was", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
