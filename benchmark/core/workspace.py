"""The workspace of a run: the folders of photographs, networks, cache and results, and the device on which networks run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import FileError
from benchmark.core.storage import location

if TYPE_CHECKING:
    from benchmark.core.storage import Location


@dataclass(frozen=True)
class Workspace:
    """The folders of one run, None where the user has named none, and its device.

    Examples:
        >>> workspace = Workspace.named(results="mine", device="cpu")
        >>> workspace.results.name, workspace.device
        ('mine', 'cpu')
    """

    data: Location | None
    """Holds `imagenet/`, `coco/` and `open/`; a folder or an address such as `s3://bucket/data` (`UTILBENCH_DATA`)."""
    networks: Path | None
    """Holds weight files (`UTILBENCH_NETWORKS`)."""
    cache: Path
    """Derived files that can be made again (`UTILBENCH_CACHE`)."""
    results: Path
    """Outcomes, scores, scorecards and boards."""
    published: Path | None = None
    """Read-only results that are used where `results` lacks a file, or None."""
    chosen_device: str = ""
    """`cpu`, `cuda` or `mps`, as the user has chosen; empty for the best available one."""

    @property
    def device(self) -> str:
        """The device on which networks and predictors run: the chosen one, else the best available one.

        Raises:
            BenchmarkError: this machine has no device of the chosen name.
        """
        from benchmark.core.devices import best_device, checked_device  # torch; the command line's --help stays quick

        return checked_device(self.chosen_device) if self.chosen_device else best_device()

    @property
    def private(self) -> tuple[Path, ...]:
        """The folders of this machine that are hidden from predictors of other people: results, cache and photographs."""
        folders = (self.results, self.published, self.cache, self.data)
        return tuple(folder for folder in folders if isinstance(folder, Path))

    @classmethod
    def named(
        cls,
        *,
        data: str | None = None,
        networks: str | None = None,
        results: str | None = None,
        cache: str | None = None,
        device: str = "",
    ) -> Workspace:
        """The given folders, else those of the environment, else the defaults; and the given device, else the best one.

        Raises:
            DataError: the data's address is of no known kind.
            FileError: a name cannot be that of a folder.
        """

        def choose(given: str | None, variable: str) -> Path | None:
            value = given or os.environ.get(variable)
            return named_path(value) if value else None

        source = data or os.environ.get("UTILBENCH_DATA")
        default = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "utilbench"
        return cls(
            data=location(source) if source else None,
            networks=choose(networks, "UTILBENCH_NETWORKS"),
            cache=choose(cache, "UTILBENCH_CACHE") or default,
            results=named_path(results or "results"),
            published=published_results(),
            chosen_device=device,
        )


def named_path(name: str) -> Path:
    """The folder or file of this name; raises FileError if no path can have it."""
    if "\0" in name:
        raise FileError(f"{name!r}: a path cannot hold a NUL character")
    return Path(name).expanduser()


def published_results() -> Path:
    """The results that come with the package: `published/` where it is installed, `results/` in a checkout."""
    package = Path(__file__).parents[1]
    packaged = package / "published"
    return packaged if packaged.is_dir() else package.parent / "results"
