"""Ground truth: a suite's sources, outcomes and labels together; made by `label`, used by all that follows.

truth = label(load_suite("glyphs"), Paths.named())
truth.labels("combined").filter(part="test")       # source, level, label, utility
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from benchmark import utility
from benchmark.datasets import Augmented, index, open_dataset
from benchmark.distortions import DISTORTIONS
from benchmark.errors import LabelError
from benchmark.images import digest, pixel_digest
from benchmark.networks import file_name
from benchmark.records import PRISTINE, Source
from benchmark.runtime import Paths, best_device, keep_freed_memory
from benchmark.splits import Parts, check_disjoint, split
from benchmark.suite import COMBINED, Suite
from benchmark.tables import read_table, write_table
from benchmark.tasks import TASKS

if TYPE_CHECKING:
    from benchmark.labelling import Bench, Shard

CHECKED_SOURCES = 8
BYTES_PER_OUTCOME = 20


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """A suite on this machine's images, with the outcomes of its networks."""

    suite: Suite
    dataset: Augmented
    parts: Parts
    """Sources of train (with augmented versions), validation and test."""
    outcomes: dict[str, pl.DataFrame]
    """One table a network, and `images`."""
    temperatures: dict[str, float]

    @functools.cached_property
    def fingerprint(self) -> str:
        """Digest of the suite's choices and of its images: ids, contents, parts."""
        members = (f"{part} {source.id} {source.digest}" for part, sources in self.parts.items() for source in sources)
        return digest("suite 1", self.suite.choices(), *members)

    @functools.cached_property
    def sources(self) -> dict[str, Source]:
        """Every source by its id."""
        return {source.id: source for members in self.parts.values() for source in members}

    @functools.cached_property
    def membership(self) -> pl.DataFrame:
        """Columns source and part."""
        rows = [(source.id, part) for part, members in self.parts.items() for source in members]
        return pl.DataFrame(rows, schema={"source": pl.String, "part": pl.String}, orient="row")

    @functools.cache  # noqa: B019 - ground truth lives as long as the process
    def judgement(self, network: str) -> pl.DataFrame:
        """What a network decided about each distorted image: see the task's `judge`."""
        truths = {name: source.truth for name, source in self.sources.items()}
        task = TASKS[self.suite.task]
        return task.judge(self.outcomes[network], truths, self.temperatures[network], self.suite.labels)

    @functools.cache  # noqa: B019
    def labels(self, label_set: str) -> pl.DataFrame:
        """Labels of a label set on all distorted images of the training levels.

        Returns:
            Columns source, level, label (1, 0, -1 unlabelled), utility (Eq. 2; mean over the networks), part.

        Raises:
            LabelError: no such label set.
        """
        if label_set not in self.suite.label_sets:
            raise LabelError(
                f"{self.suite.name} has no label set {label_set!r}; valid are {', '.join(self.suite.label_sets)}"
            )
        names = self.suite.networks.labelling if label_set == COMBINED else (label_set,)
        levels = self.suite.distortion.levels
        tables = [self.judgement(name).filter(pl.col("level").is_in(levels)) for name in names]
        first = tables[0]
        aligned = [
            first.select("source", "level").join(t, on=["source", "level"], maintain_order="left") for t in tables
        ]
        label = utility.unanimous([table["label"].to_numpy() for table in aligned])
        mean = utility.mean([table["utility"].to_numpy() for table in aligned])
        rows = first.select("source", "level").with_columns(label=pl.Series(label), utility=pl.Series(mean))
        return rows.join(self.membership, on="source", maintain_order="left")

    def labelled(self, label_set: str, part: str) -> pl.DataFrame:
        """The labelled rows of one part.

        Raises:
            LabelError: the part has no row of one of the classes.
        """
        rows = self.labels(label_set).filter(pl.col("part") == part)
        counts = {name: rows.filter(label=value).height for value, name in ((1, "useful"), (0, "non-useful"))}
        for name, count in counts.items():
            if not count:
                raise LabelError(
                    f"{self.suite.folder}, label set {label_set}: none of the {rows.height} rows of the part {part} is "
                    f"labelled {name} ({counts}); more sources, other thresholds or other networks are needed"
                )
        return rows.filter(pl.col("label") >= 0)

    def digest(self, label_set: str) -> str:
        """Digest of all that a scorecard of this label set is judged by."""
        labels = self.labels(label_set).select("source", "level", "label")
        held = [self.judgement(name).select("source", "level", "right") for name in self.suite.networks.held_out]
        return digest("ground truth 1", self.fingerprint, *(table.write_csv() for table in (labels, *held)))


def label(suite: Suite, paths: Paths, precision: str = "float32", device: str = "") -> GroundTruth:
    """Record every outcome that the suite needs and that is not recorded yet, and return its ground truth.

    Raises:
        DataError: photographs are missing or unreadable.
        NetworkError: a network that must run cannot; published outcomes need none.
        LabelError: the recorded outcomes are of other pixels, weights or precision; or a source is in two parts.
    """
    options = dict(suite.dataset)
    dataset = Augmented(open_dataset(options.pop("name"), options, paths.data))
    parts = split(index(dataset.dataset, paths.cache), suite.split, suite.limit)
    versions = [version for source in parts["train"] for version in dataset.versions(source, suite.training.copies)]
    parts["train"] = parts["train"] + versions
    check_disjoint(parts)
    home = paths.results / suite.outcomes_folder / "outcomes"
    truth = GroundTruth(suite, dataset, parts, {}, {})
    stored = read_outcomes(suite, home, truth)
    check_codec(truth, stored, home)
    complete(truth, stored, home, paths, precision, device or best_device())
    tables = {name: table for name, (table, _) in stored.items()}
    temperatures = {name: meta["temperature"] for name, (_, meta) in stored.items() if "temperature" in meta}
    return replace(truth, outcomes=tables, temperatures=temperatures)


Stored = dict[str, tuple[pl.DataFrame, dict[str, Any]]]


def table_names(suite: Suite) -> tuple[str, ...]:
    """All networks of a suite, and `images`."""
    networks = suite.networks
    return tuple(dict.fromkeys((*networks.labelling, networks.probe, *networks.held_out, "images")))


def read_outcomes(suite: Suite, home: Path, truth: GroundTruth) -> Stored:
    """The recorded outcomes whose images are this suite's: same id, same content."""
    from benchmark.labelling import IMAGES, IMAGES_SCHEMA

    now = pl.DataFrame({"source": list(truth.sources), "digest": [source.digest for source in truth.sources.values()]})
    stored: Stored = {}
    for name in table_names(suite):
        path = home / f"{file_name(name)}.parquet"
        if path.is_file():
            table, metadata = read_table(path, IMAGES_SCHEMA if name == IMAGES else TASKS[suite.task].SCHEMA)
            stored[name] = (table.join(now, on=["source", "digest"], how="semi", maintain_order="left"), metadata)
    return stored


def check_codec(truth: GroundTruth, stored: Stored, home: Path) -> None:
    """Raise LabelError where a few images, compressed on this machine, have other pixels than the recorded ones."""
    table, metadata = stored.get("images", (pl.DataFrame(), {}))
    codec = DISTORTIONS[truth.suite.distortion.name]
    some = table["source"].unique(maintain_order=True)[:CHECKED_SOURCES] if table.height else ()
    for name in some:
        pristine = truth.dataset.read(name)
        for level, pixels in table.filter(source=name).select("level", "pixels").iter_rows():
            image = pristine if level == PRISTINE else codec.decode(codec.encode(pristine, level))
            if int(pixel_digest(image), 16) != pixels:
                raise LabelError(
                    f"{home}: recorded with {metadata['encoder']}; this machine's {codec.encoder()} gives other pixels "
                    f"for {name} at level {level}; use that version, or label anew into another folder (--results)"
                )


def complete(truth: GroundTruth, stored: Stored, home: Path, paths: Paths, precision: str, device: str) -> None:
    """Run what is missing in `stored`, add it there, and write it to `home`."""
    from benchmark.labelling import plan

    known = {name: set(table.select("digest", "level").iter_rows()) for name, (table, _) in stored.items()}
    first, then = plan(truth.suite, truth.parts, known)
    if not first and not then:
        return
    from benchmark.engines import local
    from benchmark.labelling import IMAGES, Bench
    from benchmark.networks import load

    keep_freed_memory()
    announce(truth.suite, [*first, *then])
    suite, task = truth.suite, TASKS[truth.suite.task]
    needed = [name for name in table_names(suite) if any(name in shard.networks for shard in (*first, *then))]
    networks = {name: load(name, paths.networks, device) for name in needed if name != IMAGES}
    encoder = DISTORTIONS[suite.distortion.name].encoder()
    for name, network in networks.items():
        check_same(name, stored, home, weights=network.weights, precision=precision)
        if network.classes != truth.dataset.classes:
            raise LabelError(f"{name} knows {network.classes} classes, the dataset {truth.dataset.classes}")
    codec = DISTORTIONS[suite.distortion.name]
    bench = Bench(suite.task, truth.dataset, codec, networks, paths.cache, precision, device)
    start = time.perf_counter()
    files = local.run(bench, first, f"{suite.folder}, pristine")
    training = {source.id: source.truth for source in truth.parts["train"] if not source.parent}
    fresh: dict[str, list[pl.DataFrame]] = {
        name: [read_table(path)[0] for path in files.get(name, [])] for name in needed
    }
    for name, network in networks.items():
        bench.temperatures[name] = 1.0
        if name in stored:
            bench.temperatures[name] = stored[name][1]["temperature"]
        elif network.logits and name in suite.networks.labelling:
            bench.temperatures[name] = task.fit_temperature(pl.concat(fresh[name]), training)
        if network.logits:
            fresh[name] = [task.with_temperature(table, bench.temperatures[name]) for table in fresh[name]]
    for name, paths_of in local.run(bench, then, f"{suite.folder}, compressed").items():
        fresh[name] += [read_table(path)[0] for path in paths_of]
    report_speed(bench, first + then, time.perf_counter() - start)
    for name in needed:
        metadata: dict[str, Any] = {"suite": suite.twin_of or suite.name, "name": name, "encoder": encoder}
        if name != IMAGES:
            network = networks[name]
            metadata |= {"weights": network.weights, "precision": precision, "logits": network.logits}
            metadata["temperature"] = bench.temperatures[name]
        old = [stored[name][0]] if name in stored else []
        table = in_order(pl.concat([*old, *fresh[name]]), truth)
        stored[name] = (table, metadata)
        write_table(home / f"{file_name(name)}.parquet", table, metadata)


def announce(suite: Suite, shards: list[Shard]) -> None:
    """Say how much there is to do."""
    images = sum(shard.images for shard in shards)
    forwards = sum(shard.images * sum(name != "images" for name in shard.networks) for shard in shards)
    disk = forwards * BYTES_PER_OUTCOME / 1e6
    print(
        f"{suite.folder}: to label {images} images, {forwards} forward passes, about {disk:.1f} MB of outcomes",
        flush=True,
    )


def check_same(name: str, stored: Stored, home: Path, **now: str) -> None:
    """Raise LabelError where recorded outcomes of a network were made with other weights or precision."""
    for key, value in now.items() if name in stored else ():
        before = stored[name][1][key]
        if before != value:
            raise LabelError(
                f"{home}: outcomes of {name} were recorded with {key} {before}, now it is {value}; they do not mix: "
                "label anew into another folder (--results)"
            )


def in_order(table: pl.DataFrame, truth: GroundTruth) -> pl.DataFrame:
    """The rows in the order of parts, sources and levels, each once."""
    order = pl.DataFrame({"source": list(truth.sources)}).with_row_index("place")
    place = table.unique(["source", "level"], keep="first").join(order, on="source")
    return place.sort("place", "level").drop("place")


def report_speed(bench: Bench, shards: list[Shard], seconds: float) -> None:
    """Print images a second, and how much of the time the forwards alone would take."""
    from benchmark.labelling import bare_forward_seconds

    if not bench.last:
        return
    counts: dict[str, int] = {}
    for shard in shards:
        for name in shard.networks:
            counts[name] = counts.get(name, 0) + shard.images
    images = sum(count for name, count in counts.items() if name != "images")
    ratio = bare_forward_seconds(bench, counts) / seconds
    print(
        f"labelled {images} image x network in {seconds:.0f} s, {images / seconds:.0f}/s; bare forwards / total: {ratio:.2f}"
    )
