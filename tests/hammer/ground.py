"""What tries start from: the results of a small suite at several stages, made once, and the commands that lead on from them."""

import json
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.core.parquet import read_table
from benchmark.evaluation.training import read_state
from tests.conftest import TINY
from tests.hammer.command import Command, faults_of_success, run

SUITE = (
    TINY.replace('"tiny"', '"small"')
    .replace("train = 80\nvalidation = 40\ntest = 60", "train = 40\nvalidation = 20\ntest = 20")
    .replace('["zoo:densenet", "zoo:resnet"]', '["zoo:resnet"]')
)
"""80 letters, six levels and two networks; labelled in two seconds."""
OWN = '''
import benchmark


class Contrast(benchmark.Predictor):
    """Standard deviation of the pixels."""

    def score(self, samples):
        return [float(sample.image.float().std()) for sample in samples]
'''
"""A predictor as somebody else might write it."""
STAGES = ("empty", "labelled", "judged")


@dataclass(frozen=True)
class Verb:
    """A command, the stage that it starts from, and what it gives when nothing disturbs it."""

    arguments: list[str]
    stage: str
    output: str = ""
    """Standard output."""
    seconds: float = 0.0
    files: dict = field(default_factory=dict)
    """Content of each file that is there afterwards, by path."""


class Ground:
    """The stages below one folder."""

    def __init__(self, folder):
        self.folder, self.count, self.verbs = folder, 0, {}
        self.inputs = folder / "inputs"
        self.inputs.mkdir()
        self.suite, self.own = str(self.inputs / "small.toml"), str(self.inputs / "contrast.py")
        Path(self.suite).write_text(SUITE)
        Path(self.own).write_text(OWN)
        write_photographs(self.inputs / "photographs")
        for stage in STAGES:
            (folder / stage / "results").mkdir(parents=True)
        here = ["--results", "results"]
        self.make("label", "empty", "label", self.suite, *here)
        self.keep("label", "labelled")
        learners = ["jpeg_quality", "dct_statistics"]
        self.make("run", "labelled", "run", *learners, "-s", self.suite, "--seeds", "2", *here)
        self.keep("run", "judged")
        self.make("run chance", "labelled", "run", "chance", "-s", self.suite, *here)
        self.make("run from nothing", "empty", "run", "chance", "-s", self.suite, "--seeds", "1", *here)
        self.make("run a file", "labelled", "run", self.own, "-s", self.suite, *here)
        self.make("rank", "judged", "rank", *here)
        self.make("export", "labelled", "export", self.suite, "-o", "output", *here)
        self.make("label in part", "empty", "label", self.suite, "--limit", "60", *here)
        self.make(
            "score", "judged", "score", "dct_statistics", str(self.inputs / "photographs"), "-s", self.suite, *here
        )
        self.make("compare", "judged", "compare", *learners, "-s", self.suite, *here)
        self.make("recompute", "judged", "verify", self.suite, "--recompute", *here)
        self.make("verify", "labelled", "verify", self.suite, *here)
        for part in ("results", "cache"):
            shutil.copytree(folder / "judged" / part, self.inputs / part)
        for name in ("label", "run", "verify", "export"):
            self.make(f"{name} again", "judged", *self.verbs[name].arguments)

    def make(self, name, stage, *arguments):
        """Run a command without disturbance, and note what it gives."""
        copy = self.copy(stage)
        start = time.perf_counter()
        ended = Command(list(arguments), copy).wait()
        seconds = time.perf_counter() - start
        if faults := faults_of_success(ended):
            raise SystemExit(f"undisturbed: {faults[0]}")
        self.verbs[name] = Verb(list(arguments), stage, ended.output, seconds, contents(copy))
        self.last = copy

    def keep(self, name, stage):
        """Keep what the last command has left as a stage."""
        shutil.rmtree(self.folder / stage)
        self.last.rename(self.folder / stage)

    def copy(self, stage):
        """A copy of a stage, in which a command can be run."""
        self.count += 1
        folder = self.folder / f"try-{self.count}"
        shutil.copytree(self.folder / stage, folder)
        return folder

    def again(self, name, folder):
        """Run a command to its end; returns in what it or the files afterwards differ from the undisturbed run."""
        verb = self.verbs[name]
        ended = run(verb.arguments, folder)
        faults = faults_of_success(ended)
        if not faults and ended.output != verb.output:
            faults.append(f"{ended.line}: prints another text: {ended.output[-200:]!r}")
        return faults or differences(verb.files, contents(folder))


def write_photographs(folder):
    """Write two of the photographs that libraries ship, as a person might have them."""
    from PIL import Image

    from tests.photographs import photograph

    folder.mkdir()
    for name in ("coffee.png", "rocket.jpg"):
        Image.fromarray(photograph(name)).resize((200, 150)).save((folder / name).with_suffix(".jpg"), quality=40)


def contents(folder):
    """What is compared of all files below a folder, by their paths."""
    paths = [Path(parent, name) for parent, _, names in os.walk(folder) for name in names]
    return {str(path.relative_to(folder)): content(path) for path in sorted(paths)}


def content(path):
    """What is compared of a file: its bytes, or where it tells how long something took, everything else of it.

    Raises:
        BenchmarkError, ValueError: it cannot be read.
    """
    if path.parent.parent.name == "cards" and path.suffix == ".json":
        return json.dumps(untimed(json.loads(path.read_text())))
    if path.parent.name == "scores" and path.suffix == ".parquet":
        table, metadata = read_table(path)
        return table.write_csv(), untimed(metadata)
    if path.suffix == ".safetensors":
        notes, state = read_state(path)
        return {key: value for key, value in notes.items() if key != "fit_seconds"}, repr(state)
    return path.read_bytes()


def untimed(record):
    """A scorecard, or the metadata of scores, without costs and without the canary, which draws secret pixels."""
    provenance = {key: value for key, value in record["provenance"].items() if key != "canary"}
    kept = {key: value for key, value in record.items() if key not in ("cost", "checksum")}
    return kept | {"provenance": provenance}


def differences(expected, actual):
    """The first difference between the contents of two folders, if there is one."""
    for name in sorted(expected.keys() | actual.keys()):
        if name not in actual:
            return [f"{name} is missing"]
        if name not in expected:
            return [f"{name} was left behind"]
        if expected[name] != actual[name]:
            return [f"{name} differs from the undisturbed run"]
    return []
