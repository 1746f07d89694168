"""What differs between two folders of results: `python -m tests.compare_results BEFORE AFTER`; exit 1 where a value does.

Every field of every scorecard, every label, every score and every line of every board is compared. Digests name what the values
were made of and are not values themselves, so they are left out, and counted.
"""

import json
import sys
from pathlib import Path

import polars as pl

DIGESTS = ("fingerprint", "ground_truth", "digest", "code", "table")
"""Keys that hold digests, and words that lead to one in a board."""


def flat(value, name=""):
    """Every leaf of a JSON value under its dotted name."""
    if isinstance(value, dict):
        return {key: leaf for part, inner in value.items() for key, leaf in flat(inner, f"{name}.{part}").items()}
    if isinstance(value, list):
        return {key: leaf for place, inner in enumerate(value) for key, leaf in flat(inner, f"{name}[{place}]").items()}
    return {name: value}


def differing_leaves(before, after):
    """Names of the leaves that are on one side only or differ, digests apart."""
    one, other = flat(before), flat(after)
    names = [name for name in one.keys() | other.keys() if name.rpartition(".")[2] not in DIGESTS]
    return sorted(name for name in names if name not in one or name not in other or one[name] != other[name])


def read(path):
    """What is compared of a file: a tree for JSON, rows for Parquet, lines for text."""
    if path.suffix == ".json":
        return json.loads(path.read_text())
    if path.suffix == ".parquet":
        return pl.read_parquet(path).to_dict(as_series=False)
    return path.read_text().splitlines()


def differences(before, after):
    """Lines that say what differs: files of one side only, and names of differing values in files of both."""
    patterns = (
        "*/suite.json",
        "*/labels.parquet",
        "*/scores/*.parquet",
        "*/cards/*/*",
        "*/leaderboard.md",
        "boards.md",
    )
    files = [
        {path.relative_to(root) for pattern in patterns for path in root.glob(pattern)} for root in (before, after)
    ]
    lines = [
        f"{name}: only in {root}"
        for root, mine, other in ((before, *files), (after, *files[::-1]))
        for name in mine - other
    ]
    for name in sorted(files[0] & files[1]):
        one, other = read(before / name), read(after / name)
        if name.suffix == ".parquet":
            wrong = [column for column in one.keys() | other.keys() if repr(one.get(column)) != repr(other.get(column))]
        else:
            wrong = differing_leaves(one, other)
        if wrong:
            lines.append(f"{name}: {len(wrong)} differ, the first is {wrong[0]}")
    return sorted(lines), len(files[0] & files[1])


if __name__ == "__main__":
    found, compared = differences(*map(Path, sys.argv[1:3]))
    print("\n".join([*found, f"{compared} files compared, {len(found)} differ"]))
    sys.exit(bool(found))
