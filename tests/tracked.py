"""The files of the repository, without those that a person has made beside them since: own results, quick looks, pages."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def tracked(*folders):
    """Paths, below the root, of the tracked files in these folders; without git, of all files that are there."""
    listed = subprocess.run(["git", "ls-files", "-z", "--", *folders], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        return sorted(path.relative_to(ROOT) for name in folders for path in (ROOT / name).rglob("*") if path.is_file())
    return [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def copy_tracked(target, *folders):
    """Copy the tracked files of these folders below `target`, which is returned."""
    for path in tracked(*folders):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, target / path)
    return target


PARTIAL = ("coco-mixed",)
"""Suites of whose networks only the probe's outcomes are tracked."""
SUITES = sorted({path.parts[1] for path in tracked("results") if path.parts[2:3] == ("cards",)})
"""Suites with committed scorecards."""
WHOLE = [name for name in SUITES if name not in PARTIAL]
"""Those of which all outcomes are tracked."""
