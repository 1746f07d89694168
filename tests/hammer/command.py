"""Commands of the benchmark in processes of their own, which a server forks that has imported everything and run nothing."""

import atexit
import contextlib
import multiprocessing
import os
import re
import sys
from dataclasses import dataclass

SERVER = multiprocessing.get_context("forkserver")
MODULES = (
    "benchmark.cli.main", "benchmark.deployment.inference", "benchmark.evaluation.evaluate",
    "benchmark.evaluation.recomputation", "benchmark.evaluation.submission_check", "benchmark.labelling.label_report",
    "benchmark.labelling.near_duplicates", "benchmark.labelling.parquet_export", "benchmark.labelling.reproducibility",
    "benchmark.leaderboard.comparison", "benchmark.leaderboard.figures", "benchmark.leaderboard.rank",
    "benchmark.leaderboard.site", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg",
    "plotly.graph_objects", "safetensors.torch", "skimage.metrics", "sklearn.linear_model", "timm", "torchvision",
)  # fmt: skip
"""What a command would import, named here so that it need not."""
PATIENCE = 240
"""Seconds after which a command counts as one that does not end."""
THREADS = ("OMP_NUM_THREADS", "POLARS_MAX_THREADS")
PREFIX = "utilbench: "
USAGE = re.compile(r"utilbench( \w+)?: error: ")

SUMMARY = re.compile(r"\d+ of \d+ (runs failed .*, see above|checks failed)$")


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    line: str
    """The command."""
    status: int | None
    """Exit status, or minus the number of the signal that ended it, or None where it did not end."""
    output: str
    errors: str

    @property
    def refusals(self):
        """The lines of standard error in which the benchmark itself says what is wrong."""
        return [line for line in self.errors.split("\n") if line.startswith(PREFIX) or USAGE.match(line)]


class Command:
    """A command that runs in a folder, in which `results`, `cache` and `output` lie."""

    count = 0

    def __init__(self, arguments, folder, *, prepare=None):
        Command.count += 1
        self.arguments, self.files = arguments, [folder / f"command-{Command.count}.{end}" for end in ("out", "err")]
        self.process = SERVER.Process(target=execute, args=(arguments, folder, self.files, prepare))
        self.process.start()

    def wait(self, seconds=PATIENCE):
        """What it came to; one that does not end in these seconds is killed."""
        self.process.join(seconds)
        status = self.process.exitcode
        self.process.kill()
        self.process.join()
        texts = [path.read_bytes().decode(errors="replace") if path.is_file() else "" for path in self.files]
        for path in self.files:
            path.unlink(missing_ok=True)
        return Ended(" ".join(self.arguments), status, *texts)


def execute(arguments, folder, files, prepare):
    """Run a command in the folder, after `prepare`, with its output in files; ends the process."""
    from benchmark.cli.main import main

    os.chdir(folder)
    for number, path in enumerate(files, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ.update({"UTILBENCH_CACHE": "cache", "TMPDIR": str(folder)} | dict.fromkeys(THREADS, "1"))
    for name in ("UTILBENCH_DATA", "UTILBENCH_NETWORKS"):
        os.environ.pop(name, None)
    if prepare:
        prepare()
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(status or 0)


def run(arguments, folder, *, prepare=None, seconds=PATIENCE):
    """Run a command and wait for it."""
    return Command(arguments, folder, prepare=prepare).wait(seconds)


def faults_of_success(ended):
    """What is wrong with a command that should have succeeded."""
    return [] if ended.status == 0 else [f"{ended.line}: ended with {ended.status}: {last_line(ended)}"]


def faults_of_refusal(ended, *names, statuses=(1,)):
    """What is wrong with the way in which a command refused: its status, its one line, and what that names.

    Where a command tries several predictors, or makes several checks, its last line says so, and each of the others is told.

    Args:
        ended: the command.
        names: texts of which a line must hold one.
        statuses: valid exit statuses.
    """
    faults = [] if ended.status in statuses else [f"ended with {ended.status}, not {statuses[0]}"]
    refusals = ended.refusals
    if "\nTraceback" in f"\n{ended.errors}":
        faults.append("a traceback")
    if refusals and SUMMARY.search(refusals[-1]):
        refusals = refusals[:-1] or [ended.output]
    elif len(refusals) != 1:
        faults.append(f"{len(refusals)} lines of refusal")
    if not (ended.refusals and ended.errors.rstrip("\n").endswith(ended.refusals[-1])):
        faults.append("the last line is no refusal")
    elif names and not all(any(name in line for name in names) for line in refusals):
        faults.append(f"does not name {' or '.join(names)}")
    if any(not line.isprintable() for line in ended.errors.split("\n")):
        faults.append("control characters")
    return [f"{ended.line}: {', '.join(faults)}: {last_line(ended)}"] if faults else []


def last_line(ended):
    """The end of standard error."""
    lines = ended.errors.strip().split("\n")
    return ascii(lines[-1][-300:] if lines else "")
