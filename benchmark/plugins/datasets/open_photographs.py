"""Photographs under open licences with their classes, authors and licences, which may be shown and published.

    <data>/open/images.csv        columns file, class, license, author, url; file is relative to this folder
    <data>/open/images/*.webp     lossless

The classes are ImageNet's, by index in the sorted order of their WordNet ids. A source's id is its file's name without the
ending.
"""

from __future__ import annotations

import csv
import io
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from benchmark.core.digests import digest
from benchmark.core.errors import DataError
from benchmark.core.images import Pixels, decode
from benchmark.core.storage import read, stamp
from benchmark.core.types import Source

if TYPE_CHECKING:
    from benchmark.core.storage import Location

COLUMNS = ("file", "class", "license", "author", "url")
CLASSES = 1000


class OpenPhotographs:
    """The photographs that `<data>/open/images.csv` lists.

    Raises:
        DataError: the folder or the list is missing, a row is not valid, or a file is listed twice or missing; the message
            names it.
    """

    classes = CLASSES

    def __init__(self, data: Location | None) -> None:
        if data is None:
            raise DataError("no data folder: set UTILBENCH_DATA or --data to the folder that holds open/")
        self.root = data / "open"
        self.list = self.root / "images.csv"
        if not self.list.is_file():
            raise DataError(f"{self.list} is missing; it lists the photographs in the columns {', '.join(COLUMNS)}")
        self.files: dict[str, Location] = {}
        self.truths: dict[str, int] = {}
        self.credits: dict[str, str] = {}
        for number, row in enumerate(self.rows(), start=2):
            self.add(number, row)

    def rows(self) -> list[dict[str, str]]:
        """The rows of the list."""
        try:
            reader = csv.DictReader(io.StringIO(read(self.list).decode("utf-8-sig")), strict=True)
            rows = list(reader)
        except (ValueError, csv.Error) as error:
            raise DataError(f"{self.list}: not a CSV of UTF-8 ({error})") from error
        if not rows or set(COLUMNS) - set(reader.fieldnames or ()):
            raise DataError(
                f"{self.list}: has the columns {reader.fieldnames!s:.80}; needed are {', '.join(COLUMNS)}, and rows"
            )
        return rows

    def add(self, number: int, row: dict[str, str]) -> None:
        """Add the photograph of a row of the list."""
        where = f"{self.list}, line {number}"
        if any(row[key] is None for key in COLUMNS):
            raise DataError(f"{where}: has fewer cells than columns")
        path = self.root / row["file"]
        if not row["class"].isdecimal() or int(row["class"]) >= CLASSES:
            raise DataError(f"{where}: class is {row['class']!r:.60}; valid are 0 to {CLASSES - 1}")
        if not PurePosixPath(row["file"]).parts or {"..", "/"} & set(PurePosixPath(row["file"]).parts):
            raise DataError(f"{where}: file is {row['file']!r:.60}; a path below {self.root} is needed")
        if not path.is_file():
            raise DataError(f"{where}: no file {path}")
        if path.stem in self.files:
            raise DataError(f"{where}: {path.stem} is listed twice; names identify sources")
        self.files[path.stem] = path
        self.truths[path.stem] = int(row["class"])
        self.credits[path.stem] = f"{row['author']}, {row['license']}, from {row['url']}"

    def signature(self) -> str:
        """Digest of the names, sizes and times of change of the list and of all files."""
        return digest("open", stamp(self.list), *(f"{name} {stamp(path)}" for name, path in sorted(self.files.items())))

    def sources(self) -> list[Source]:
        """All photographs, sorted by id."""
        return [Source(name, self.truths[name], credit=self.credits[name]) for name in sorted(self.files)]

    def content(self, source: str) -> bytes:
        """The bytes of the file."""
        return read(self.files[source])

    def read(self, source: str) -> Pixels:
        """The photograph, uint8 RGB (H, W, 3).

        Raises:
            DataError: it is unreadable; the message names the file.
        """
        return decode(read(self.files[source]), str(self.files[source]))

    def bits(self, source: str) -> int:
        """Size of the file."""
        return 8 * len(read(self.files[source]))
