"""Reproduce: whether this machine gives the pixels, outcomes and labels of a suite that are recorded, and if not, why not.

    for check in reproduce(load_suite("glyphs"), Paths.named()):
        print(check.name, check.problem or "holds")

All photographs are compared by their contents; some of them are compressed again and shown to the networks again. A difference
comes with its likely cause: encoder, weights, precision, or the versions of what resizes and computes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import polars as pl
import torch

from benchmark.core.checks import Check
from benchmark.core.devices import best_device
from benchmark.core.errors import LabelError, NetworkError, ResultError
from benchmark.core.images import digest
from benchmark.core.parquet import read_metadata, read_table
from benchmark.core.paths import Paths
from benchmark.core.provenance import versions
from benchmark.core.types import Source
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.outcomes import table_names
from benchmark.labelling.pipeline import make_ground_truth, unlabelled
from benchmark.labelling.shards import IMAGES, IMAGES_SCHEMA
from benchmark.labelling.worker import Worker, WorkerConfig, judge_images, prepare
from benchmark.plugins.networks import load
from benchmark.suites.results_folder import SuiteFolder, outcome_folders, readable_folders
from benchmark.suites.spec import Suite
from benchmark.suites.tasks import TASKS

SOURCES = 4
"""Photographs of each part that are compressed and judged again."""


def reproduce(suite: Suite, paths: Paths, device: str = "") -> Iterator[Check]:
    """Each check of what is recorded of a suite under the results.

    Raises:
        DataError: the photographs are missing or unreadable.
        ResultError: nothing is recorded.
    """
    truth = unlabelled(suite, paths)
    folders = outcome_folders(paths, suite)
    home = next((folder for folder in folders if folder.outcomes(IMAGES).is_file()), folders[0])
    images, about = read_table(home.outcomes(IMAGES), IMAGES_SCHEMA)
    yield photographs(truth, images)
    drawn = {part: sorted(some, key=lambda one: digest("reproduce", one.id)) for part, some in truth.parts.items()}
    sources = [source for some in drawn.values() for source in some[:SOURCES]]
    threads = torch.get_num_threads()
    config = WorkerConfig(suite, (), paths.data, paths.networks, device=device or best_device(), threads=threads)
    worker = config.open(paths.cache, truth.dataset)
    pixels = same_pixels(worker, sources, images, about["encoder"])
    yield pixels
    for name in table_names(suite):
        if name != IMAGES:
            yield same_outcomes(worker, name, sources, home, paths, pixels)
    yield same_labels(suite, paths)


def photographs(truth: GroundTruth, images: pl.DataFrame) -> Check:
    """Whether every photograph is the one that was recorded."""
    recorded = dict(images.select("source", "digest").iter_rows())
    missing = [name for name in truth.sources if name not in recorded]
    other = [name for name, source in truth.sources.items() if recorded.get(name, source.digest) != source.digest]
    told = f"the {len(truth.sources)} photographs are those that were recorded"
    problems = [
        f"{len(names)} {what}, the first is {names[0]}"
        for names, what in ((missing, "were not recorded"), (other, "have another content"))
        if names
    ]
    return Check(told, "; ".join(problems))


def same_pixels(worker: Worker, sources: list[Source], images: pl.DataFrame, encoder: str) -> Check:
    """Whether photographs, compressed again at every level, have the recorded pixels."""
    recorded = [images.filter(source=source.id).to_dicts() for source in sources]
    pairs = [
        pair
        for source, rows in zip(sources, recorded, strict=True)
        for pair in zip(rows, prepare(worker, source, [row["level"] for row in rows], set()).rows, strict=True)
    ]
    wrong = [row for row, again in pairs if row["pixels"] != again["pixels"]]
    told = f"{len(pairs)} images of {len(sources)} photographs have the recorded pixels"
    if not wrong:
        return Check(told, "")
    now = worker.distortion.encoder()
    why = f"recorded with {encoder}, here it is {now}" if now != encoder else "another build of the same encoder"
    first = wrong[0]
    return Check(
        told, f"{len(wrong)} differ, the first is {first['source']} at level {first['level']}; likely cause: {why}"
    )


def same_outcomes(
    worker: Worker, name: str, sources: list[Source], home: SuiteFolder, paths: Paths, pixels: Check
) -> Check:
    """Whether a network, asked again, says what is recorded."""
    told = f"outcomes of {name}"
    task = TASKS[worker.config.suite.task]
    table, about = read_table(home.outcomes(name), task.SCHEMA)
    try:
        network = load(name, paths.networks, worker.config.device)
    except NetworkError as error:
        return Check(f"{told}: not asked again ({error})", "")
    if network.weights != about["weights"]:
        return Check(told, f"other weights: recorded {about['weights']}, here {network.weights}")
    precision, _, rest = about["precision"].partition(", ")
    worker.config = replace(worker.config, precision=precision, compiled=rest == "compiled")
    worker.temperatures[name] = about["temperature"]
    wrong, asked = [], 0
    for source in sources:
        recorded = table.filter(source=source.id)
        if recorded.height:
            made = prepare(worker, source, recorded["level"].to_list(), {network.preprocessing})
            squares, count = made.squares[network.preprocessing], recorded.height
            found = judge_images(worker, network, squares, [source.truth] * count, [made.size] * count, pristine=False)
            differ = task.disagree(recorded, found)
            wrong += recorded.filter(differ).select("source", "level").rows()
            asked += count
    told = f"{asked} outcomes of {name} are the recorded ones"
    if not wrong:
        return Check(told, "")
    first, level = wrong[0]
    why = cause(about, pixels)
    return Check(told, f"{len(wrong)} differ, the first is {first} at level {level}; likely cause: {why}")


def cause(about: dict[str, Any], pixels: Check) -> str:
    """Why a network with the same weights and precision says something else."""
    if pixels.problem:
        return "the images have other pixels"
    before, now = about.get("versions", {}), versions()
    changed = [
        f"{name} was {old}, is {now.get(name, 'missing')}" for name, old in before.items() if now.get(name) != old
    ]
    if changed:
        return "the resize or the arithmetic of other versions: " + ", ".join(changed)
    known = "whose versions are the recorded ones" if before else "whose versions were not recorded"
    return f"the resize (torchvision) or the arithmetic (torch, onnxruntime) of this machine, {known}"


def same_labels(suite: Suite, paths: Paths) -> Check:
    """Whether the recorded outcomes give the labels that scorecards were judged by."""
    told = "outcomes give the recorded labels"
    try:
        truth = make_ground_truth(suite, paths)
        folders = readable_folders(paths, suite.folder)
        known = read_metadata(next((one.labels for one in folders if one.labels.is_file()), folders[0].labels))
    except (LabelError, NetworkError) as error:
        return Check(told, str(error))
    except ResultError as error:
        return Check(f"{told}: none are recorded yet ({error})", "")
    if known["fingerprint"] != truth.fingerprint:
        return Check(
            told, f"the fingerprint is {truth.fingerprint}, recorded {known['fingerprint']}: other choices or images"
        )
    wrong = [name for name in suite.label_sets if known["labels"].get(name) != truth.digest(name)]
    return Check(told, f"label sets {', '.join(wrong)} have another digest" if wrong else "")
