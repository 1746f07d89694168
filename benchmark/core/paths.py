"""The folders of a run: photographs, networks, cache, results and the results that come with the package."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.storage import place

if TYPE_CHECKING:
    from benchmark.core.storage import Place


@dataclass(frozen=True)
class Paths:
    """The folders of one run; None where the user has named none.

    Examples:
        >>> Paths.named(results="mine").results.name
        'mine'
    """

    data: Place | None
    """Holds `imagenet/` and `coco/`; a folder or an address such as `s3://bucket/data` (`UTILBENCH_DATA`)."""
    networks: Path | None
    """Holds weight files (`UTILBENCH_NETWORKS`)."""
    cache: Path
    """Derived files that can be made again (`UTILBENCH_CACHE`)."""
    results: Path
    """Outcomes, scores, scorecards and boards."""
    published: Path | None = None
    """Read-only results that are used where `results` lacks a file, or None."""

    @classmethod
    def named(
        cls, data: str | None = None, networks: str | None = None, results: str | None = None, cache: str | None = None
    ) -> Paths:
        """The given folders, else those of the environment, else the defaults."""

        def choose(given: str | None, variable: str) -> Path | None:
            value = given or os.environ.get(variable)
            return Path(value).expanduser() if value else None

        source = data or os.environ.get("UTILBENCH_DATA")
        default = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "utilbench"
        return cls(
            data=place(source) if source else None,
            networks=choose(networks, "UTILBENCH_NETWORKS"),
            cache=choose(cache, "UTILBENCH_CACHE") or default,
            results=Path(results or "results").expanduser(),
            published=published_results(),
        )


def published_results() -> Path:
    """The results that come with the package: `published/` where it is installed, `results/` in a checkout."""
    package = Path(__file__).parents[1]
    packaged = package / "published"
    return packaged if packaged.is_dir() else package.parent / "results"
