"""The verbs for a person's own photographs: `advise` and `score`; and how the command line says that networks are to be run."""

from __future__ import annotations

import csv
import json
import sys
from math import isnan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from benchmark.core.workspace import Workspace
    from benchmark.labelling.execution import ExecutionConfig


def execution_of(args: argparse.Namespace) -> ExecutionConfig:
    """How networks are to be run."""
    from benchmark.labelling.execution import ExecutionConfig

    return ExecutionConfig(precision=args.precision, compiled=args.compile, engine=args.engine, address=args.address)


def advise_photographs(args: argparse.Namespace, workspace: Workspace) -> None:
    """`utilbench advise`."""
    from pathlib import Path

    from benchmark.advice.advise import advise
    from benchmark.advice.conditions import CODECS
    from benchmark.advice.figure import drawn
    from benchmark.advice.report import write_report
    from benchmark.advice.text import as_csv, as_lines
    from benchmark.core.files import write_bytes

    advice = advise(
        args.photographs,
        args.network,
        codecs=args.codec or CODECS,
        keep=args.keep,
        retained=args.retained,
        resize=args.resize,
        group=args.group,
        limit=args.limit,
        execution=execution_of(args),
        workspace=workspace,
    )
    if args.json:
        print(json.dumps(advice.as_json(), indent=1))
    else:
        print(as_csv(advice) if args.csv else "\n".join(as_lines(advice)), end="" if args.csv else "\n", flush=True)
    if args.figure:
        write_bytes(Path(args.figure), drawn(advice.plot(), args.figure[-3:].lower()))
    if args.report:
        write_report(advice, Path(args.report))
    if args.write:
        from benchmark.advice.writing import write_advised

        for line in write_advised(advice, Path(args.write), workspace, predictor=args.predictor, suite=args.suite):
            print(line, file=sys.stderr)


def make_suite(args: argparse.Namespace, workspace: Workspace) -> None:
    """`utilbench suite init` and `utilbench suite levels`."""
    from pathlib import Path

    from benchmark.advice.levels import propose
    from benchmark.advice.new_suite import init_suite
    from benchmark.suites.loading import load_suite

    if args.kind == "levels":
        lines = [proposal.text for proposal in propose(load_suite(args.suite), workspace, sample=args.sample)]
    else:
        new = init_suite(
            args.photographs,
            args.network,
            args.held_out,
            Path(args.output),
            workspace,
            codecs=args.codec,
            sample=args.sample,
        )
        lines = new.lines
    print("\n".join(lines))


def score_images(args: argparse.Namespace, workspace: Workspace) -> None:
    """`utilbench score`."""
    from dataclasses import replace

    from benchmark.core.photographs import image_files
    from benchmark.deployment.calibration import threshold_of_fraction
    from benchmark.deployment.inference import load_predictor
    from benchmark.metrics.operating_points import AIMS

    files = image_files(args.image)
    ready = load_predictor(args.predictor, args.suite, labels=args.labels, workspace=workspace)
    fraction = args.keep_fraction if args.of == "files" else None
    for aim in AIMS:
        value = getattr(args, f"keep_{aim}")
        if value is not None and not (aim == "fraction" and fraction):
            ready, point = ready.keeping(aim, value)
            print(f"{args.suite}, validation: {point}", file=sys.stderr)
    rows = list(ready.score_files(files, reference=args.reference))
    if fraction:
        threshold = threshold_of_fraction([row.score for row in rows], fraction)
        rows = [replace(row, useful=row.score >= threshold) for row in rows]
    for remark in ready.remarks(rows):
        print(f"utilbench: {remark}; scores and probabilities mean less there", file=sys.stderr)
    keys = ("file", "score", "probability", "useful")
    if args.json:
        cells = (
            (str(row.file), row.score, None if isnan(row.probability) else row.probability, row.useful) for row in rows
        )
        print(json.dumps([dict(zip(keys, values, strict=True)) for values in cells], indent=1))
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(keys)
    writer.writerows((row.file, f"{row.score:.6g}", f"{row.probability:.4f}", int(row.useful)) for row in rows)
