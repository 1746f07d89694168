"""Reproducibility: whether this machine gives the recorded pixels, outcomes and labels of a suite, and if not, why not.

    for check in reproduce(load_suite("glyphs"), Workspace.named()):
        print(check.name, check.problem or "holds")

The contents of all photographs are compared; a few of them are compressed again and shown to the networks again. A difference
is reported with its likely cause: encoder, weights, precision, threads, or versions of the libraries that resize and compute.
Outcomes that were recorded with another number of threads are compared by the decisions that the suite's rule makes of them.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl
import torch

from benchmark.core.checks import Check
from benchmark.core.devices import prepare_process
from benchmark.core.digests import digest
from benchmark.core.errors import LabelError, NetworkError, ResultError
from benchmark.core.provenance import versions
from benchmark.core.types import CONDITION, IMAGE, Condition, Image, Source, image_name
from benchmark.core.workspace import Workspace
from benchmark.labelling.consensus import with_consensus
from benchmark.labelling.execution import ExecutionConfig
from benchmark.labelling.indexed_suite import IndexedSuite, index_suite
from benchmark.labelling.judging import judge_images, prepare_source
from benchmark.labelling.outcomes import table_names
from benchmark.labelling.pipeline import make_ground_truth
from benchmark.labelling.recorded import read_labels, read_outcomes_of
from benchmark.labelling.shards import IMAGES
from benchmark.labelling.worker import Worker, WorkerConfig
from benchmark.plugins.distortions import encoders
from benchmark.plugins.networks import load
from benchmark.suites.results_folder import SuiteFolder, first_with, outcome_folders, readable_folders
from benchmark.suites.spec import Suite
from benchmark.suites.tasks import TASKS

if TYPE_CHECKING:
    from benchmark.plugins.networks.network import Network

SOURCES = 4
"""Number of photographs of each part that are compressed and judged again."""


def reproduce(suite: Suite, workspace: Workspace) -> Iterator[Check]:
    """Yield each check of what the results record of a suite.

    Raises:
        DataError: the photographs are missing or unreadable.
        ResultError: nothing is recorded for the suite.
    """
    indexed = index_suite(suite, workspace)
    home = first_with(lambda folder: folder.outcomes(IMAGES), outcome_folders(workspace, suite))
    images, metadata = read_outcomes_of(home, IMAGES, suite.task)
    yield photographs(indexed, images)
    if suite.has_consensus:
        voices = {name: read_outcomes_of(home, name, suite.task)[0] for name in suite.networks.labelling}
        indexed = with_consensus(indexed, voices | {IMAGES: images})
    drawn = [sorted(members, key=lambda source: digest("reproduce", source.id)) for members in indexed.parts.values()]
    sources = [source for members in drawn for source in members[:SOURCES]]
    prepare_process()
    threads = torch.get_num_threads()
    config = WorkerConfig(suite, (), workspace.data, workspace.networks, device=workspace.device, threads=threads)
    worker = config.open(workspace.cache, dataset=indexed.dataset, keep_bitstreams=False)
    pixels = same_pixels(worker, sources, images, metadata["encoder"])
    yield pixels
    for name in table_names(suite):
        if name != IMAGES:
            yield same_outcomes(worker, name, sources, home, pixels)
    yield same_labels(suite, workspace)


def photographs(indexed: IndexedSuite, images: pl.DataFrame) -> Check:
    """Check that every photograph is the one that was recorded."""
    recorded = dict(images.select("source", "digest").iter_rows())
    missing = [name for name in indexed.sources if name not in recorded]
    other = [name for name, source in indexed.sources.items() if recorded.get(name, source.digest) != source.digest]
    title = f"the {len(indexed.sources)} photographs are those that were recorded"
    problems = [
        f"{len(names)} {what}, the first is {names[0]}"
        for names, what in ((missing, "were not recorded"), (other, "have another content"))
        if names
    ]
    return Check(title, "; ".join(problems))


def same_pixels(worker: Worker, sources: list[Source], images: pl.DataFrame, encoder: str) -> Check:
    """Check that photographs, distorted again under every condition, have the recorded pixels."""
    recorded = [images.filter(source=source.id).to_dicts() for source in sources]
    pairs = [
        pair
        for source, rows in zip(sources, recorded, strict=True)
        for pair in zip(
            rows, prepare_source(worker, source, [condition_of(row) for row in rows], set()).rows, strict=True
        )
    ]
    wrong = [row for row, again in pairs if row["pixels"] != again["pixels"]]
    title = f"{len(pairs)} images of {len(sources)} photographs have the recorded pixels"
    if not wrong:
        return Check(title, "")
    now = encoders(choice.name for choice in worker.config.suite.distortions)
    why = f"recorded with {encoder}, here it is {now}" if now != encoder else "another build of the same encoder"
    first = image_name(wrong[0]["source"], *condition_of(wrong[0]))
    return Check(title, f"{len(wrong)} differ, the first is {first}; likely cause: {why}")


def condition_of(row: dict[str, Any]) -> Condition:
    """The condition of a row of a table of images."""
    return Condition(row["distortion"], row["level"])


def same_outcomes(worker: Worker, name: str, sources: list[Source], home: SuiteFolder, pixels: Check) -> Check:
    """Check that a network, run again, gives the recorded outcomes, or their decisions if the number of threads is another."""
    title = f"outcomes of {name}"
    table, metadata = read_outcomes_of(home, name, worker.config.suite.task)
    try:
        network = load(name, worker.config.weights, device=worker.config.device)
    except NetworkError as error:
        return Check(f"{title}: not asked again ({error})", "")
    if network.weights != metadata["weights"]:
        return Check(title, f"other weights: recorded {metadata['weights']}, here {network.weights}")
    precision, _, rest = metadata["precision"].partition(", ")
    worker.config = replace(worker.config, execution=ExecutionConfig(precision=precision, compiled=rest == "compiled"))
    worker.temperatures[name] = metadata["temperature"]
    chosen = [source for source in sources if table["source"].is_in([source.id]).any()]
    try:
        pairs = [(table.filter(source=source.id), ask_again(worker, network, source, table)) for source in chosen]
    except NetworkError as error:
        return Check(title, str(error))
    asked = sum(recorded.height for recorded, _ in pairs)
    wrong = [row for recorded, again in pairs for row in other_values(worker, recorded, again)]
    title = f"{asked} outcomes of {name} are the recorded ones"
    if (before := recorded_processor(metadata)) not in ("", now := processor_in_words(worker.config.processor)):
        remark = f"{len(wrong)} values differ, the first is {image_name(*wrong[0])}" if wrong else "no value differs"
        title = f"{asked} outcomes of {name} give the recorded decisions; recorded with {before}, here {now}: {remark}"
        truths = {source.id: source.truth for source in chosen}
        wrong = [row for recorded, again in pairs for row in other_decisions(worker, name, recorded, again, truths)]
    if not wrong:
        return Check(title, "")
    why = likely_cause(metadata, pixels, worker.config)
    return Check(title, f"{len(wrong)} differ, the first is {image_name(*wrong[0])}; likely cause: {why}")


def ask_again(worker: Worker, network: Network, source: Source, table: pl.DataFrame) -> pl.DataFrame:
    """The outcomes of a network for one source under its recorded conditions, computed now."""
    recorded = table.filter(source=source.id)
    conditions = [condition_of(row) for row in recorded.select(CONDITION).iter_rows(named=True)]
    images = prepare_source(worker, source, conditions, {network.preprocessing})
    truths, sizes = [source.truth] * recorded.height, images.sizes
    names = [image_name(source.id, *condition) for condition in conditions]
    squares = images.squares[network.preprocessing]
    outcomes = judge_images(worker, network, squares, truths, sizes, names=names, pristine=False)
    return recorded.select("source", "digest", *CONDITION).hstack(outcomes)


def other_values(worker: Worker, recorded: pl.DataFrame, again: pl.DataFrame) -> list[Image]:
    """The outcomes whose values differ by more than the task's tolerances."""
    differ = TASKS[worker.config.suite.task].disagree(recorded, again)
    return recorded.filter(differ).select(IMAGE).rows()


def other_decisions(
    worker: Worker, name: str, recorded: pl.DataFrame, again: pl.DataFrame, truths: dict[str, Any]
) -> list[Image]:
    """The distorted images on which the suite's rule makes another decision or label of the two tables."""
    suite, temperature = worker.config.suite, worker.temperatures[name]
    before, now = (
        TASKS[suite.task].judge(table, truths, temperature, suite.labels).drop("utility") for table in (recorded, again)
    )
    differ = functools.reduce(operator.or_, (before[key].ne_missing(now[key]) for key in before.columns))
    return before.filter(differ).select(IMAGE).rows()


def recorded_processor(metadata: dict[str, Any]) -> str:
    """The threads or the device with which a network's outcomes were recorded, in words; empty where neither is known."""
    recorded: dict[str, int | str] = {key: metadata[key] for key in ("threads", "device") if key in metadata}
    return processor_in_words(recorded) if recorded else ""


def processor_in_words(processor: dict[str, int | str]) -> str:
    """See `WorkerConfig.processor`.

    Examples:
        >>> processor_in_words({"threads": 2}), processor_in_words({"device": "cuda"})
        ('2 threads', 'cuda')
    """
    return f"{processor['threads']} threads" if "threads" in processor else str(processor["device"])


def likely_cause(metadata: dict[str, Any], pixels: Check, config: WorkerConfig) -> str:
    """The likely reason why a network with the same weights and precision gives other outcomes."""
    if pixels.problem:
        return "the images have other pixels"
    before, now = metadata.get("versions", {}), versions()
    changed = [
        f"{name} was {old}, is {now.get(name, 'missing')}" for name, old in before.items() if now.get(name) != old
    ]
    if changed:
        return "the resize or the arithmetic of other versions: " + ", ".join(changed)
    recorded, here = recorded_processor(metadata), processor_in_words(config.processor)
    if recorded not in ("", here):
        return f"the arithmetic of {here} instead of {recorded}"
    remark = "whose versions are the recorded ones" if before else "whose versions were not recorded"
    counted = "" if recorded else f", or {here} instead of a device or number of threads that was not recorded"
    return f"the resize (torchvision) or the arithmetic (torch, onnxruntime) of this machine, {remark}{counted}"


def same_labels(suite: Suite, workspace: Workspace) -> Check:
    """Check that the recorded outcomes give the labels on which the scorecards are based."""
    title = "outcomes give the recorded labels"
    try:
        truth = make_ground_truth(suite, workspace)
        home = first_with(lambda folder: folder.labels, readable_folders(workspace, suite.folder))
        if not home.labels.is_file():
            return Check(f"{title}: none are recorded yet", "")
        _, recorded = read_labels(home.labels)
    except (LabelError, NetworkError, ResultError) as error:
        return Check(title, str(error))
    if recorded["fingerprint"] != truth.fingerprint:
        return Check(
            title,
            f"the fingerprint is {truth.fingerprint}, recorded {recorded['fingerprint']}: other choices or images",
        )
    if truth.recorded:
        return Check(f"{title} and decisions, though outcomes differ in their last digits", "")
    wrong = [name for name in suite.label_sets if recorded["labels"].get(name) != truth.digest(name)]
    return Check(title, f"label sets {', '.join(wrong)} have another digest" if wrong else "")
