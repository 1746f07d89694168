"""The folder of a suite's results: every path below it, and where to look for what was recorded.

    results/<suite>/
      suite.json                                 the suite's choices
      sources.parquet, labels.parquet            its photographs by id and digest, with their ground truth; labels of each set
      outcomes/<network>.parquet, images.parquet
      scores/<predictor>[@<suite>.<labels>].parquet
      trained/<predictor>@<suite>.<labels>.<seed>.safetensors      small trained states; large ones are in the cache only
      cards/<labels>/<predictor>[@...].json, .parquet              scorecards and their replicates
      rivals.parquet, leaderboard.md, figures/, tables/

What is not in a person's own results is looked for in those that were published with the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.files import file_name
from benchmark.core.paths import Paths

if TYPE_CHECKING:
    from benchmark.suites.spec import Suite

Training = Mapping[str, str] | None
"""`suite` and `labels` that a predictor was trained on, or None for one that does not learn."""


def file_stem(predictor: str, trained_on: Training) -> str:
    """Name, without ending, of a predictor's files; training suite and label set stand in it where there are any."""
    return file_name(predictor) + (f"@{trained_on['suite']}.{file_name(trained_on['labels'])}" if trained_on else "")


@dataclass(frozen=True)
class SuiteFolder:
    """The results of one suite."""

    path: Path

    def file(self, name: str) -> Path:
        """One of the files that a suite has once: `suite.json`, `labels.parquet`, `sources.parquet`, `rivals.parquet`, ..."""
        return self.path / name

    @property
    def labels(self) -> Path:
        """The labels of all sets."""
        return self.file("labels.parquet")

    @property
    def figures(self) -> Path:
        """The folder of figures."""
        return self.file("figures")

    def outcomes(self, network: str) -> Path:
        """The outcomes of a network, or `images`."""
        return self.path / "outcomes" / f"{file_name(network)}.parquet"

    def networks(self) -> list[Path]:
        """The tables of networks that are there."""
        return sorted(self.path.glob("outcomes/*-*.parquet"))

    def scores(self, of: Mapping[str, Any]) -> Path:
        """The scores of a scorecard, or of their own metadata: by `predictor` and `trained_on`."""
        return self.path / "scores" / f"{file_stem(of['predictor'], of['trained_on'])}.parquet"

    def card(self, labels: str, stem: str) -> Path:
        """The scorecard of a label set by the stem of a predictor's files; its replicates end in .parquet."""
        return self.path / "cards" / file_name(labels) / f"{stem}.json"

    def cards(self) -> list[Path]:
        """All scorecards, sorted."""
        return sorted(self.path.glob("cards/*/*.json"))

    def score_stems(self) -> list[str]:
        """The stems of all files of scores, sorted."""
        return sorted(path.stem for path in self.path.glob("scores/*.parquet"))

    def trained(self, stem: str, seed: int) -> Path:
        """The trained state of a predictor."""
        return self.path / "trained" / f"{stem}.{seed}.safetensors"


def suite_folder(paths: Paths, suite: Suite) -> SuiteFolder:
    """Where the results of a suite are written."""
    return SuiteFolder(paths.results / suite.folder)


def readable_folders(paths: Paths, name: str) -> list[SuiteFolder]:
    """Where results of this name may be read: a person's own, then the published."""
    roots = dict.fromkeys(root.resolve() for root in (paths.results, paths.published) if root)
    folders = [SuiteFolder(root / name) for root in roots]
    return [SuiteFolder(paths.results / name), *folders[1:]]


def outcome_folders(paths: Paths, suite: Suite) -> list[SuiteFolder]:
    """Where outcomes of a suite may be read, best first; for a quick look also those of the whole suite."""
    names = dict.fromkeys((suite.outcomes_folder, suite.twin_of or suite.name))
    return [folder for name in names for folder in readable_folders(paths, name)]


def list_suite_folders(results: Path) -> list[SuiteFolder]:
    """The folders of results that hold scorecards, sorted."""
    return [SuiteFolder(path.parent) for path in sorted(results.glob("*/cards"))]
