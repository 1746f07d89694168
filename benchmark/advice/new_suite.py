"""A suite over a person's own photographs and networks, as a file, with levels that make it hard enough.

The truth is what the labelling networks agree on. The file is all that is kept; `label`, `run` and `rank` take its path.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.advice.levels import Proposal, propose
from benchmark.core.errors import FileError, SuiteError
from benchmark.core.files import write_text
from benchmark.core.storage import absolute
from benchmark.core.types import CONSENSUS
from benchmark.core.workspace import Workspace
from benchmark.labelling.indexed_suite import index_suite
from benchmark.labelling.pipeline import make_ground_truth
from benchmark.plugins.datasets import open_dataset
from benchmark.plugins.networks import load
from benchmark.suites.loading import load_suite
from benchmark.suites.names import name_problem
from benchmark.suites.spec import COMBINED, DistortionChoice, NetworkChoice, SplitChoice, Suite
from benchmark.suites.tasks import TASKS

logger = logging.getLogger(__name__)
CODECS = ("jpeg", "webp")
"""The codecs of a new suite by default."""
SPLIT = SplitChoice(0.5, 0.2, 0.3)
FEW = 50
"""A part with fewer expected rows of a class is warned of."""


@dataclass(frozen=True)
class NewSuite:
    """A suite file that was written."""

    path: Path
    proposals: list[Proposal]
    rows: dict[tuple[str, str], int]
    """(part, useful or non-useful) -> number of rows that are expected, from a sample."""

    @property
    def lines(self) -> list[str]:
        """What is to be told of it."""
        expected = [f"{part}: about {count} {kind} rows" for (part, kind), count in self.rows.items()]
        return [
            *(proposal.text for proposal in self.proposals),
            *expected,
            f"wrote {self.path}; next: utilbench label {self.path}",
        ]


def init_suite(
    photographs: Sequence[str],
    networks: Sequence[str],
    held_out: Sequence[str],
    path: Path,
    workspace: Workspace,
    *,
    codecs: Sequence[str] = CODECS,
    probe: str = "",
    sample: int = 60,
) -> NewSuite:
    """Choose levels on a sample of the training photographs, write a suite file, and estimate its rows.

    Args:
        photographs: folders and files, or one address.
        networks: labelling networks of one task, which agree on the truth.
        held_out: networks for downstream performance.
        path: the TOML file; its stem becomes the suite's name.
        workspace: folders and device.
        codecs: distortions of the suite.
        probe: small network that predictors may ask, none of the others; without any, those that ask one cannot be run.
        sample: about so many photographs are looked at.

    Raises:
        FileError: the file exists.
        SuiteError: name, networks or codecs make no valid suite.
    """
    if path.suffix != ".toml":
        raise SuiteError(f"{path}: a suite file ends in .toml")
    if path.exists():
        raise FileError(f"{path}: exists already; choose another name")
    if problem := name_problem(path.stem):
        raise SuiteError(f"{path}: {problem}")
    suite = draft(photographs, networks, held_out, path.stem, codecs, probe=probe, workspace=workspace)
    proposals = propose(suite, workspace, sample=sample)
    suite = replace(suite, distortions=tuple(proposal.choice for proposal in proposals))
    write_text(path, as_toml(suite))
    try:
        new = NewSuite(path, proposals, expected_rows(load_suite(str(path)), workspace, sample))
    except BaseException:
        path.unlink()  # so that the same command can be given again
        raise
    for (part, kind), count in new.rows.items():
        if count < FEW:
            logger.warning(
                f"{part} will have about {count} {kind} rows; below {FEW} little can be learned or told: take more "
                "photographs, or other levels"
            )
    return new


def draft(
    photographs: Sequence[str],
    networks: Sequence[str],
    held_out: Sequence[str],
    name: str,
    codecs: Sequence[str],
    *,
    probe: str,
    workspace: Workspace,
) -> Suite:
    """The suite without levels.

    Raises:
        SuiteError: networks do different tasks or have other classes.
    """
    named = (*networks, *held_out, *([probe] if probe else []))
    loaded = [load(network, workspace.networks, device=workspace.device) for network in named]
    kinds = {(network.task, network.classes) for network in loaded}
    if len(kinds) > 1:
        each = ", ".join(f"{network.name} ({network.task} of {network.classes} classes)" for network in loaded)
        raise SuiteError(f"networks of one suite do one task with the same classes, not {each}")
    ((task, classes),) = kinds
    path = [absolute(name) for name in photographs]
    dataset = {"name": "folder", "path": path[0] if len(path) == 1 else path, "truth": CONSENSUS, "classes": classes}
    count = len(open_dataset(dataset, workspace.data).sources())
    return Suite(
        name=name,
        version=1,
        title=f"{count} photographs of {name}",
        task=task,
        dataset=dataset,
        split=SPLIT,
        distortions=tuple(DistortionChoice(codec, (), ()) for codec in codecs),
        networks=NetworkChoice(tuple(networks), tuple(held_out), probe=probe),
        labels=TASKS[task].LabelChoice(),
    )


def as_toml(suite: Suite) -> str:
    """The file of a suite over a folder, with labels by the default rule."""

    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    networks, split = suite.networks, suite.split
    lines = [
        f"name = {text(suite.name)}",
        "version = 1",
        f"title = {text(suite.title)}",
        f"task = {text(suite.task)}",
        "",
        "[dataset]",
        *(f"{key} = {text(value)}" for key, value in suite.dataset.items()),
        "",
        "[split]",
        f"train = {split.train}",
        f"validation = {split.validation}",
        f"test = {split.test}",
    ]
    for choice in suite.distortions:
        lines += ["", "[[distortions]]", f"name = {text(choice.name)}"]
        lines += [f"levels = {list(choice.levels)}", f"held_out = {list(choice.held_out)}"]
    lines += [
        "",
        "[networks]",
        f"labelling = {text(list(networks.labelling))}",
        f"held_out = {text(list(networks.held_out))}",
        *([f"probe = {text(networks.probe)}"] if networks.probe else []),
    ]
    return "\n".join([*lines, "", "[labels]", ""])


def expected_rows(suite: Suite, workspace: Workspace, sample: int) -> dict[tuple[str, str], int]:
    """How many rows of each class training and test will have, from labelling a sample of the photographs."""
    total = len(open_dataset(suite.dataset, workspace.data).sources())
    sampled = replace(suite, limit=min(sample, total))
    results = workspace.cache / "samples" / index_suite(sampled, workspace).fingerprint  # of choices and photographs
    truth = make_ground_truth(sampled, replace(workspace, results=results, published=None))
    looked_at = sum(map(len, truth.parts.values()))
    rows = {}
    for part in ("train", "test"):
        labels = truth.rows_of(COMBINED, part)["label"]
        for kind, value in (("useful", 1), ("non-useful", 0)):
            rows[part, kind] = round(int((labels == value).sum()) * total / looked_at)
    return rows
