"""The folder of a suite's results: every path below it, and the folders in which recorded results are searched for.

    results/<suite>/
      suite.json                                 the suite's choices
      sources.parquet, labels.parquet            its photographs by id and digest, with their ground truth; labels of each set
      outcomes/<network>.parquet, images.parquet
      scores/<predictor>[@<suite>.<labels>].parquet
      trained/<predictor>@<suite>.<labels>.<seed>.safetensors      small trained states; large ones are only in the cache
      cards/<labels>/<predictor>[@...].json, .parquet              scorecards and their replicates
      rivals.parquet, leaderboard.md, figures/, tables/

Results that are missing in the user's own folder are searched for in those published with the package.
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
"""`suite` and `labels` on which a predictor was trained, or None for one that does not learn."""


def file_stem(predictor: str, trained_on: Training) -> str:
    """Name, without suffix, of a predictor's files; it contains the training suite and label set, if there are any."""
    return file_name(predictor) + (f"@{trained_on['suite']}.{file_name(trained_on['labels'])}" if trained_on else "")


@dataclass(frozen=True)
class SuiteFolder:
    """The results of one suite."""

    path: Path

    def file(self, name: str) -> Path:
        """A file of which a suite has only one: `suite.json`, `labels.parquet`, `sources.parquet`, `rivals.parquet`, ..."""
        return self.path / name

    @property
    def labels(self) -> Path:
        """The file with the labels of all sets."""
        return self.file("labels.parquet")

    @property
    def figures(self) -> Path:
        """The folder of figures."""
        return self.file("figures")

    def outcomes(self, network: str) -> Path:
        """The file with the outcomes of a network, or with `images`."""
        return self.path / "outcomes" / f"{file_name(network)}.parquet"

    def networks(self) -> list[Path]:
        """The existing tables of networks, sorted."""
        return sorted(self.path.glob("outcomes/*-*.parquet"))

    def scores(self, of: Mapping[str, Any]) -> Path:
        """The file of scores that belongs to the `predictor` and `trained_on` of a scorecard or of the scores' own metadata."""
        return self.path / "scores" / f"{file_stem(of['predictor'], of['trained_on'])}.parquet"

    def card(self, labels: str, stem: str) -> Path:
        """The scorecard of a label set, by the stem of a predictor's files; its replicates have the suffix .parquet."""
        return self.path / "cards" / file_name(labels) / f"{stem}.json"

    def cards(self) -> list[Path]:
        """All scorecards, sorted."""
        return sorted(self.path.glob("cards/*/*.json"))

    def score_stems(self) -> list[str]:
        """The stems of all files of scores, sorted."""
        return sorted(path.stem for path in self.path.glob("scores/*.parquet"))

    def trained(self, stem: str, seed: int) -> Path:
        """The file with the trained state of a predictor."""
        return self.path / "trained" / f"{stem}.{seed}.safetensors"


def suite_folder(paths: Paths, suite: Suite) -> SuiteFolder:
    """The folder to which the results of a suite are written."""
    return SuiteFolder(paths.results / suite.folder)


def readable_folders(paths: Paths, name: str) -> list[SuiteFolder]:
    """The folders from which results of this name may be read: the user's own, then the published ones."""
    roots = dict.fromkeys(root.resolve() for root in (paths.results, paths.published) if root)
    folders = [SuiteFolder(root / name) for root in roots]
    return [SuiteFolder(paths.results / name), *folders[1:]]


def outcome_folders(paths: Paths, suite: Suite) -> list[SuiteFolder]:
    """The folders from which outcomes of a suite may be read, best first; for a limited suite also those of the whole suite."""
    names = dict.fromkeys((suite.outcomes_folder, suite.twin_of or suite.name))
    return [folder for name in names for folder in readable_folders(paths, name)]


def list_suite_folders(results: Path) -> list[SuiteFolder]:
    """The folders of results that hold scorecards, sorted."""
    return [SuiteFolder(path.parent) for path in sorted(results.glob("*/cards"))]
