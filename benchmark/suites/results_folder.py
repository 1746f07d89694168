"""The folder of a suite's results: every path below it, and the folders in which recorded results are searched for.

    results/<suite>/
      suite.json                                 the suite's choices
      sources.parquet, labels.parquet            its photographs by id and digest, with their ground truth; labels of each set
      outcomes/<network>.parquet, images.parquet
      scores/<predictor>[@<suite>.<labels>].parquet
      trained/<predictor>@<suite>.<labels>.<seed>.safetensors      small trained states; large ones are only in the cache
      cards/<labels>/<predictor>[@...].json, .parquet              scorecards, and the replicates that they are ranked by
      replicates/<labels>/<predictor>[@...].parquet, .sizes.parquet    of all measures, and by object size, where asked for
      rivals.parquet, rates.json, agreements.json, leaderboard.md, figures/, tables/
    results/boards.md, index.html, assets/       over all suites

Results that are missing in the user's own folder are searched for in those published with the package.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmark.core.files import check_writable, file_name
from benchmark.core.workspace import Workspace

if TYPE_CHECKING:
    from benchmark.suites.spec import Suite


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a predictor was trained on."""

    suite: str
    """Folder of the suite below the results."""
    labels: str
    """The label set."""
    digest: str
    """Digest of everything that it could learn there."""


def file_stem(predictor: str, trained_on: Training | None) -> str:
    """Name, without suffix, of a predictor's files; it contains the training suite and label set, if there are any.

    Examples:
        >>> file_stem("resnet18", Training("glyphs", "zoo:vgg", digest="0123"))
        'resnet18@glyphs.zoo-vgg'
    """
    return file_name(predictor) + (f"@{trained_on.suite}.{file_name(trained_on.labels)}" if trained_on else "")


@dataclass(frozen=True)
class SuiteFolder:
    """The results of one suite."""

    path: Path

    @property
    def choices(self) -> Path:
        """The file with the suite's choices."""
        return self.path / "suite.json"

    @property
    def sources(self) -> Path:
        """The file with the suite's sources and their ground truth."""
        return self.path / "sources.parquet"

    @property
    def labels(self) -> Path:
        """The file with the labels of all sets."""
        return self.path / "labels.parquet"

    @property
    def rivals(self) -> Path:
        """The file with the rivals' gain curves."""
        return self.path / "rivals.parquet"

    @property
    def rates(self) -> Path:
        """The file with rate and utility of the suite's codecs."""
        return self.path / "rates.json"

    @property
    def agreements(self) -> Path:
        """The agreement of the probe with each network."""
        return self.path / "agreements.json"

    @property
    def board(self) -> Path:
        """The leaderboard as Markdown."""
        return self.path / "leaderboard.md"

    @property
    def figures(self) -> Path:
        """The folder of figures."""
        return self.path / "figures"

    @property
    def tables(self) -> Path:
        """The folder of the paper's tables as LaTeX."""
        return self.path / "tables"

    @property
    def page(self) -> Path:
        """The suite's web page."""
        return self.path / "index.html"

    @property
    def predictor_pages(self) -> Path:
        """The folder of the predictors' web pages."""
        return self.path / "predictors"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that verbs write to."""
        names = ("outcomes", "scores", "cards", "replicates", "trained", "figures", "tables", "predictors")
        return (self.path, *(self.path / name for name in names))

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that verbs write beside these folders."""
        return (
            self.choices,
            self.sources,
            self.labels,
            self.rivals,
            self.rates,
            self.agreements,
            self.board,
            self.page,
        )

    @property
    def root(self) -> Path:
        """The folder of all suites' results."""
        return self.path.parent

    def outcomes(self, network: str) -> Path:
        """The file with the outcomes of a network, or with `images`."""
        return self.path / "outcomes" / f"{file_name(network)}.parquet"

    def tables_of_rows(self) -> list[Path]:
        """All Parquet tables that are stored here, sorted; files that others put below the folder are not among them."""
        patterns = (
            "*.parquet",
            "outcomes/*.parquet",
            "scores/*.parquet",
            "cards/*/*.parquet",
            "replicates/*/*.parquet",
        )
        return sorted(path for pattern in patterns for path in self.path.glob(pattern))

    def networks(self) -> list[Path]:
        """The existing tables of networks, sorted."""
        return sorted(self.path.glob("outcomes/*-*.parquet"))

    def scores(self, predictor: str, trained_on: Training | None) -> Path:
        """The file with the scores of a predictor."""
        return self.path / "scores" / f"{file_stem(predictor, trained_on)}.parquet"

    def card(self, labels: str, stem: str) -> Path:
        """The scorecard of a label set, by the stem of a predictor's files; what it is ranked by has the suffix .parquet."""
        return self.path / "cards" / file_name(labels) / f"{stem}.json"

    def replicates(self, card: Path) -> Path:
        """The file with the replicates of all measures of the scorecard in this file."""
        return self.path / "replicates" / card.parent.name / f"{card.stem}.parquet"

    def size_replicates(self, card: Path) -> Path:
        """The file with the replicates by object size of the scorecard in this file, which only comparisons need."""
        return self.path / "replicates" / card.parent.name / f"{card.stem}.sizes.parquet"

    def cards(self) -> list[Path]:
        """All scorecards, sorted."""
        return sorted(self.path.glob("cards/*/*.json"))

    def score_stems(self) -> list[str]:
        """The stems of all files of scores, sorted."""
        return sorted(path.stem for path in self.path.glob("scores/*.parquet"))

    def trained(self, stem: str, seed: int) -> Path:
        """The file with the trained state of a predictor."""
        return self.path / "trained" / f"{stem}.{seed}.safetensors"


def suite_folder(workspace: Workspace, suite: Suite) -> SuiteFolder:
    """The folder to which the results of a suite are written."""
    return SuiteFolder(workspace.results / suite.folder)


def readable_folders(workspace: Workspace, name: str) -> list[SuiteFolder]:
    """The folders from which results of this name may be read: the user's own, then the published ones."""
    roots = [workspace.results]
    if workspace.published and workspace.published.resolve() != workspace.results.resolve():
        roots.append(workspace.published)
    return [SuiteFolder(root / name) for root in roots]


def outcome_folders(workspace: Workspace, suite: Suite) -> list[SuiteFolder]:
    """The folders from which outcomes of a suite may be read, best first; for a limited suite also those of the whole suite."""
    whole = readable_folders(workspace, suite.twin_of or suite.name)
    return [SuiteFolder(workspace.results / suite.outcomes_folder), *whole] if suite.limit else whole


def written_folders(workspace: Workspace, suite: Suite) -> list[SuiteFolder]:
    """The folders of results that labelling writes: the suite's, and for a twin that of its outcomes."""
    return list(dict.fromkeys((suite_folder(workspace, suite), outcome_folders(workspace, suite)[0])))


def check_folders(workspace: Workspace, suite: Suite) -> None:
    """Raise FileError, before long work, unless the results of a suite and the cache can be written."""
    for folder in (workspace.cache, *(path for home in written_folders(workspace, suite) for path in home.folders)):
        check_writable(folder)


def first_with(file: Callable[[SuiteFolder], Path], folders: Sequence[SuiteFolder]) -> SuiteFolder:
    """The first of the folders in which this file exists; if none has it, the first, whose path belongs in the message."""
    return next((folder for folder in folders if file(folder).is_file()), folders[0])


def named_folder(results: Path, name: str) -> SuiteFolder:
    """The folder of results that has this name, such as that of another suite."""
    return SuiteFolder(results / name)


def outcomes_home(folder: SuiteFolder, suite: Suite) -> SuiteFolder:
    """The folder that holds a suite's recorded outcomes: its own, or that of the suite that it is a twin of."""
    return named_folder(folder.root, suite.outcomes_folder) if suite.twin_of else folder


def boards_file(results: Path) -> Path:
    """The boards of all suites in a few columns, as Markdown."""
    return results / "boards.md"


def index_page(results: Path) -> Path:
    """The web page over all suites."""
    return results / "index.html"


def assets_folder(results: Path) -> Path:
    """The folder of the scripts and styles that all web pages share."""
    return results / "assets"


def list_suite_folders(results: Path) -> list[SuiteFolder]:
    """The folders of results that hold scorecards, sorted."""
    return [SuiteFolder(path.parent) for path in sorted(results.glob("*/cards"))]
