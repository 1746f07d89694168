"""The verbs for a person's own photographs: `advise`, `suite` and `score`; and the options of how networks are run."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from math import isnan
from typing import TYPE_CHECKING

from benchmark.cli.values import count, figure_file, names, path, positive, share, shares

if TYPE_CHECKING:
    import argparse

    from benchmark.core.workspace import Workspace
    from benchmark.labelling.execution import ExecutionConfig


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


def execution_of(args: argparse.Namespace) -> ExecutionConfig:
    """How networks are to be run."""
    from benchmark.labelling.execution import ExecutionConfig

    return ExecutionConfig(precision=args.precision, compiled=args.compile, engine=args.engine, address=args.address)


def add_advise(verb: Callable[..., argparse.ArgumentParser], *parents: argparse.ArgumentParser) -> None:
    """Add the verb `advise`."""
    text = (
        "what can be compressed away before your network notices? the cheapest codec and level at which it decides as before, "
        "without labels or training"
    )
    command = verb("advise", text, *parents)
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


def advise_photographs(args: argparse.Namespace, workspace: Workspace) -> None:
    """`utilbench advise`."""
    from pathlib import Path

    from benchmark.advice.advise import advise
    from benchmark.advice.conditions import CODECS
    from benchmark.advice.figure import drawn
    from benchmark.advice.report import write_report
    from benchmark.advice.text import as_csv, as_lines
    from benchmark.advice.writing import check_apart, write_advised
    from benchmark.core.files import write_bytes

    if args.write:
        check_apart(args.photographs, Path(args.write))
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
        for line in write_advised(advice, Path(args.write), workspace, predictor=args.predictor, suite=args.suite):
            print(line, file=sys.stderr)


def add_suite(verb: Callable[..., argparse.ArgumentParser], *parents: argparse.ArgumentParser) -> None:
    """Add the verb `suite`, with its two parts."""
    text = "init: a suite over your own photographs and networks; levels: levels that make a suite hard enough"
    command = verb("suite", text, shared=())
    kinds = command.add_subparsers(dest="kind", required=True, metavar="init|levels")
    text = "write a suite over your own photographs, whose truth is what your networks agree on; then label, run and rank it"
    init = kinds.add_parser("init", help=text, description=text, parents=list(parents))
    init.add_argument("photographs", nargs="+", metavar="PHOTOS", help="folders, files, or one address of a folder")
    text = "labelling network, as source:model; repeat it: the truth is what all agree on, so that of one it is its own answer"
    init.add_argument("--network", action="append", required=True, metavar="NAME", help=text)
    text = "network for downstream performance, none of the labelling ones; repeat it; without any, that is left out"
    init.add_argument("--held-out", action="append", default=[], metavar="NAME", help=text)
    text = (
        "small network that predictors such as gatekeeper may ask, none of the others; without any, these cannot be run"
    )
    init.add_argument("--probe", default="", metavar="NAME", help=text)
    text = "codecs and camera faults of the suite (default: jpeg,webp)"
    init.add_argument("--codec", metavar="A,B", type=names, default=["jpeg", "webp"], help=text)
    init.add_argument("-o", "--output", metavar="FILE", type=path, required=True, help="the .toml file to write")
    text = "print levels for each of a suite's distortions, from what its labelling networks keep on training sources"
    levels = kinds.add_parser("levels", help=text, description=text, parents=list(parents))
    levels.add_argument("suite", help="name of a suite, or path of a .toml file")
    for kind in (init, levels):
        text = "about how many photographs to look at (default: 60)"
        kind.add_argument("--sample", metavar="N", type=count, default=60, help=text)


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
            probe=args.probe,
            sample=args.sample,
        )
        lines = new.lines
    print("\n".join(lines))


def add_score(verb: Callable[..., argparse.ArgumentParser], *parents: argparse.ArgumentParser) -> None:
    """Add the verb `score`."""
    command = verb("score", "how useful are your own images, by a predictor that was evaluated before", *parents)
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


def score_images(args: argparse.Namespace, workspace: Workspace) -> None:
    """`utilbench score`."""
    from dataclasses import replace

    from benchmark.core.photographs import image_files
    from benchmark.deployment.calibration import threshold_of_fraction
    from benchmark.deployment.inference import load_predictor
    from benchmark.metrics.operating_points import AIMS

    files = image_files(args.image)
    ready = load_predictor(args.predictor, args.suite, labels=args.labels, limit=args.limit, workspace=workspace)
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
