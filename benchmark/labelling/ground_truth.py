"""Ground truth: an indexed suite with its outcomes and labels, made by `pipeline.label` and used by all later steps.

truth.labels("combined").filter(part="test")       # source, distortion, level, label, utility
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.digests import digest
from benchmark.core.errors import LabelError
from benchmark.core.parquet import content_digest
from benchmark.core.shared_columns import SharedColumns
from benchmark.core.similar_names import near
from benchmark.core.types import CONDITION, IMAGE, PRISTINE
from benchmark.labelling.consensus import truths_for
from benchmark.labelling.indexed_suite import IndexedSuite, conditions_table
from benchmark.labelling.recorded import LabelsMetadata
from benchmark.labelling.shards import IMAGES
from benchmark.metrics import image_utility
from benchmark.metrics.bootstrap import resamples
from benchmark.suites.spec import COMBINED, Suite
from benchmark.suites.splits import PARTS, Parts
from benchmark.suites.tasks import TASKS, classification, detection


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """An indexed suite with all outcomes of its networks; nothing that it offers runs a network."""

    indexed: IndexedSuite
    """The suite on this machine's images."""
    outcomes: dict[str, pl.DataFrame]
    """One table per network, and `images`."""
    temperatures: dict[str, float]
    """Temperature of each network that is recorded with its outcomes."""
    recorded: LabelsMetadata | None = None
    """Recorded digests, where labels and decisions of this machine are the recorded ones, though its outcomes are not."""

    @property
    def suite(self) -> Suite:
        """The choices of the suite."""
        return self.indexed.suite

    @property
    def parts(self) -> Parts:
        """Sources of train (with augmented versions), validation and test."""
        return self.indexed.parts

    @property
    def fingerprint(self) -> str:
        """Digest of the suite's choices and of its images; see `IndexedSuite.fingerprint`."""
        return self.indexed.fingerprint

    @functools.cached_property
    def judgement(self) -> Callable[[str], pl.DataFrame]:
        """Maps a network to its decisions on each distorted image, see `judge`; each network is judged once."""
        shared = SharedColumns(IMAGE)
        return functools.cache(lambda network: shared.of(self.judge(network)))

    @functools.cached_property
    def labels(self) -> Callable[[str], pl.DataFrame]:
        """Maps a label set to its labels, see `make_labels`; those of two sets are held, since they may be many."""
        return functools.lru_cache(2)(self.make_labels)

    @functools.cached_property
    def downstream(self) -> Callable[[str], classification.Downstream | detection.Downstream]:
        """Maps a held-out network to its downstream performance, see `make_downstream`; that of each network is made once."""
        return functools.cache(self.make_downstream)

    def judge(self, network: str) -> pl.DataFrame:
        """Make the decisions of a network on each distorted image; see the task's `judge` for the columns."""
        outcomes, temperature = self.outcomes[network], self.temperatures[network]
        truths = truths_for(self.indexed, network, outcomes)
        return TASKS[self.suite.task].judge(outcomes, truths, temperature, self.suite.labels)

    def label_networks(self, label_set: str) -> tuple[str, ...]:
        """The networks whose decisions determine a label set.

        Raises:
            LabelError: the label set does not exist.
        """
        if label_set not in self.suite.label_sets:
            valid = self.suite.label_sets
            hint = near(label_set, valid)
            raise LabelError(f"{self.suite.name} has no label set {label_set!r}{hint}; valid are {', '.join(valid)}")
        return self.suite.networks.labelling if label_set == COMBINED else (label_set,)

    def make_labels(self, label_set: str) -> pl.DataFrame:
        """Make the labels of a label set on all images that its networks judged.

        Returns:
            The columns IMAGE, label (1, 0, -1 unlabelled), utility (Eq. 2, mean over the networks), satisfied (share of the
            networks that decide as on the pristine version), eligible (all are correct on it) and part.

        Raises:
            LabelError: the label set does not exist.
        """
        tables = [self.judgement(name) for name in self.label_networks(label_set)]
        first = tables[0]
        aligned = [first.select(IMAGE).join(table, on=IMAGE, maintain_order="left") for table in tables]
        label = image_utility.unanimous([table["label"].to_numpy() for table in aligned])
        mean = image_utility.mean([table["utility"].to_numpy() for table in aligned])
        eligible = np.all([table["pristine_right"].to_numpy() for table in aligned], axis=0)
        rows = first.select(IMAGE).with_columns(
            label=pl.Series(label),
            utility=pl.Series(mean),
            satisfied=pl.Series(np.mean([table["satisfied"].to_numpy() for table in aligned], axis=0)),
            eligible=pl.Series(eligible),
        )
        members = self.indexed.membership
        return rows.with_columns(part=pl.col("source").replace_strict(members["source"], members["part"]))

    def rows_of(self, label_set: str, part: str) -> pl.DataFrame:
        """The rows of one part at the training conditions, with their labels and utilities."""
        trained = conditions_table(self.suite.training_conditions)
        return self.labels(label_set).filter(part=part).join(trained, on=CONDITION, how="semi", maintain_order="left")

    def labelled(self, label_set: str, part: str) -> pl.DataFrame:
        """The labelled rows of one part at the training conditions.

        Raises:
            LabelError: one of the two labels has no row in the part.
        """
        rows = self.rows_of(label_set, part)
        counts = {name: rows.filter(label=value).height for value, name in ((1, "useful"), (0, "non-useful"))}
        for name, count in counts.items():
            if not count:
                raise LabelError(
                    f"{self.suite.folder}, label set {label_set}: none of the {rows.height} rows of the part {part} is "
                    f"labelled {name} ({counts}); more sources, other thresholds or other networks are needed"
                )
        return rows.filter(pl.col("label") >= 0)

    def soft(self, label_set: str, part: str) -> pl.DataFrame:
        """The rows of one part whose utility reflects the distortion: those whose pristine versions are judged correctly.

        They are those of training conditions.

        Raises:
            LabelError: there is no such row.
        """
        rows = self.rows_of(label_set, part).filter(pl.col("eligible"))
        if not rows.height:
            raise LabelError(
                f"{self.suite.folder}, label set {label_set}: no image of the part {part} is recognised correctly when pristine"
            )
        return rows

    @functools.cached_property
    def satisfied(self) -> pl.DataFrame:
        """The satisfied machine ratio of the test images at the training conditions: the columns IMAGE and utility, 0 to 1.

        It is the share of `Suite.satisfied_networks` that decide as on the pristine version (Zhang et al., 2022); it needs no
        ground truth.
        """
        rows = self.indexed.scored_rows.filter(part="test").select(IMAGE)
        joined = [
            rows.join(self.judgement(name), on=IMAGE, how="left", maintain_order="left")["satisfied"].to_numpy()
            for name in self.suite.satisfied_networks
        ]
        return rows.with_columns(utility=pl.Series(np.mean(joined, axis=0)))

    @functools.cached_property
    def digests(self) -> Callable[[str, tuple[str, ...]], tuple[str, ...]]:
        """Maps a label set and parts of the suite to digests, see `make_digests`; those of each are made once."""
        return functools.cache(self.make_digests)

    def lesson_digest(self, label_set: str) -> str:
        """Digest of everything that a predictor can learn from this label set."""
        if self.recorded and label_set in self.recorded["lessons"]:
            return self.recorded["lessons"][label_set]
        return digest("lesson 2", self.fingerprint, *self.digests(label_set, PARTS[:2]))

    def digest(self, label_set: str) -> str:
        """Digest of everything that scorecards of this label set depend on: labels, and outcomes behind all measures."""
        if self.recorded and label_set in self.recorded["labels"]:
            return self.recorded["labels"][label_set]
        parts = self.digests(label_set, PARTS)
        return digest("ground truth 4", self.fingerprint, *parts, self.held_out_digest, self.decisions_digest)

    def make_digests(self, label_set: str, parts: tuple[str, ...]) -> tuple[str, ...]:
        """Make digests of the labels of these parts, and of the stored outcomes from which labels and utilities are derived.

        The utilities themselves are excluded, since the last digit of a computed number differs between processors.
        """
        rows = self.labels(label_set).filter(pl.col("part").is_in(parts))
        pristine = rows.select("source").unique().join(conditions_table([PRISTINE]), how="cross")
        images = pl.concat([rows.select(IMAGE), pristine])
        digests = [content_digest(rows.select(*IMAGE, "label", "eligible", "part").sort(IMAGE))]
        for name in self.label_networks(label_set):
            outcomes = self.outcomes[name].join(images, on=IMAGE, how="semi").sort(IMAGE)
            digests += [name, repr(self.temperatures[name]), content_digest(outcomes)]
        return tuple(digests)

    @functools.cached_property
    def held_out_digest(self) -> str:
        """Digest of everything that downstream performance depends on."""
        if self.recorded:
            return self.recorded["held_out"]
        task = TASKS[self.suite.task]
        held = [task.facts(self.outcomes[name], self.judgement(name)) for name in self.suite.networks.held_out]
        return digest("held out 1", self.fingerprint, *held)

    @functools.cached_property
    def decisions_digest(self) -> str:
        """Digest of the decisions that satisfied machine ratios and bits saved compare with those on pristine images."""
        parts = []
        for name in self.suite.all_networks:
            decisions = self.judgement(name).select(*IMAGE, "kept", "satisfied").sort(IMAGE)
            parts += [name, content_digest(decisions)]
        return digest("decisions 1", *parts)

    @functools.cached_property
    def resamples(self) -> dict[str, NDArray[np.int32]]:
        """How often each photograph of the parts test and validation counts in each resample, the same for all predictors."""
        seeds = {"test": self.fingerprint, "validation": f"{self.fingerprint} validation"}
        return {part: resamples(len(set(self.cluster_positions[part].values())), seed) for part, seed in seeds.items()}

    @functools.cached_property
    def cluster_positions(self) -> dict[str, dict[str, int]]:
        """For the parts test and validation, the index of each source's cluster; copies of one photograph share one."""
        positions = {}
        for part in ("test", "validation"):
            first: dict[str, int] = {}
            positions[part] = {source.id: first.setdefault(source.group, len(first)) for source in self.parts[part]}
        return positions

    def clusters(self, rows: pl.DataFrame, part: str) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Index of each row's photograph among those of its part, and the suite's common resamples of them."""
        positions = rows["source"].replace_strict(self.cluster_positions[part], return_dtype=pl.Int64)
        return positions.to_numpy(), self.resamples[part]

    def make_downstream(self, network: str) -> classification.Downstream | detection.Downstream:
        """Make the downstream performance of a held-out network on the test sources; see the task's `Downstream`."""
        sources = [source.id for source in self.parts["test"]]
        tables = (self.outcomes[network], self.judgement(network), self.outcomes[IMAGES])
        outcomes, judgement, images = (table.filter(pl.col("source").is_in(sources)) for table in tables)
        truths = truths_for(self.indexed, network, outcomes)
        return TASKS[self.suite.task].Downstream(outcomes, truths, judgement, images)
