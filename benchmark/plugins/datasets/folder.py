"""A person's own photographs: every image below a folder, or files that are named one by one, of any kind that Pillow reads.

    [dataset]
    name = "folder"
    path = "holiday"            # below UTILBENCH_DATA if that is set, else from here; an absolute path or an address wins
    truth = "consensus"         # what the labelling networks agree on; or "folders", or the path of a table

A photograph's id is its path below the folder. It is turned as its EXIF says, as viewers do. Three truths are offered:

- `consensus`: none is known; labelling gives each photograph the class, or the objects, that the labelling networks agree on in
  its pristine version.
- `folders`: the class is the folder in which a photograph lies, as torchvision's ImageFolder reads it: if all folders are named
  by ImageNet's WordNet ids or classes, the class of that name, else the position among the sorted names.
- the path of a CSV with the columns file and class, below the folder: the class by number from 0, or by its name in ImageNet.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from benchmark.core.digests import digest
from benchmark.core.errors import DataError
from benchmark.core.images import Pixels, decode, stored_size
from benchmark.core.photographs import endings, find_photographs
from benchmark.core.storage import absolute, length, location, read, stamp
from benchmark.core.types import CONSENSUS, UNKNOWN, Source
from benchmark.plugins.datasets.class_names import class_numbers

if TYPE_CHECKING:
    from benchmark.core.storage import Location

FOLDERS = "folders"
COLUMNS = ("file", "class")


class Folder:
    """The photographs of a folder.

    Args:
        data: the folder of all data, or None.
        path: the folder, or a list of folders and files.
        truth: `consensus`, `folders`, or the path of a table below the folder.
        classes: number of classes of the networks that are asked.

    Raises:
        DataError: a path is missing or holds no photograph, two photographs have one id, or a truth is missing or not valid;
            the message names it.
    """

    def __init__(self, data: Location | None, path: str | Sequence[str], *, truth: str, classes: int = 1000) -> None:
        self.classes, self.truth = classes, truth
        roots = [placed(data, name) for name in ([path] if isinstance(path, str) else path)]
        self.files = photographs(roots)
        self.table = None if truth in (CONSENSUS, FOLDERS) else roots[0] / truth
        self.truths = self.known_truths()
        for name, number in self.truths.items():
            if not UNKNOWN <= number < classes:
                raise DataError(f"{self.files[name]}: its class is {number}; valid are 0 to {classes - 1}")

    def known_truths(self) -> dict[str, int]:
        """The class of every photograph, UNKNOWN where the networks shall agree on it."""
        if self.truth == CONSENSUS:
            return dict.fromkeys(self.files, UNKNOWN)
        if self.truth == FOLDERS:
            return folder_truths(self.files)
        assert self.table is not None
        return table_truths(self.table, self.files)

    def signature(self) -> str:
        """Digest of the names, sizes and times of change of all files."""
        return digest("folder", *(f"{name} {stamp(path)}" for name, path in self.files.items()))

    def sources(self) -> list[Source]:
        """All photographs, sorted by id."""
        return [Source(name, self.truths[name]) for name in self.files]

    def content(self, source: str) -> bytes:
        """The bytes of the file; raises DataError, which names it, where it does not begin like an image."""
        data = read(self.files[source])
        stored_size(data, str(self.files[source]))
        return data

    def read(self, source: str) -> Pixels:
        """The photograph, upright, uint8 RGB (H, W, 3).

        Raises:
            DataError: it is unreadable; the message names the file.
        """
        return decode(self.content(source), str(self.files[source]))

    def bits(self, source: str) -> int:
        """Size of the file."""
        return 8 * length(self.files[source])


def placed(data: Location | None, name: str) -> Location:
    """The folder or file of this name, below the folder of data where there is one and the name is not absolute."""
    path = location(name)
    return path if data is None or not isinstance(path, Path) else data / path


def photographs(roots: Sequence[Location]) -> dict[str, Location]:
    """Id -> file of all photographs of these folders and files, sorted by id.

    Ids are paths below the one folder, or below the folder that all of several have in common.
    """
    top = common_folder(roots)
    files: dict[str, Location] = {}
    for root in roots:
        if not root.exists():
            raise DataError(f"{root}: no such file or folder")
        members: Sequence[Location] = find_photographs(root) if root.is_dir() else [root]
        if not members:
            raise DataError(f"{root}: holds no image; images end in {', '.join(sorted(endings()))}")
        for path in members:
            files.setdefault(identifier(path, root, top), path)
    return dict(sorted(files.items()))


def common_folder(roots: Sequence[Location]) -> Path | None:
    """The folder that several folders and files of this machine have in common; None where ids need none.

    Raises:
        DataError: there is no root, or one of several is an address.
    """
    if not roots:
        raise DataError("no photograph is named; name files or folders")
    if len(roots) == 1:
        return None
    paths = []
    for root in roots:
        if not isinstance(root, Path):
            raise DataError(f"{root}: an address must stand alone, as one folder of photographs")
        paths.append(absolute(root if root.is_dir() else root.parent))
    return Path(os.path.commonpath(paths))


def identifier(path: Location, root: Location, top: Path | None) -> str:
    """The id of a photograph below one root, or below what all roots have in common."""
    if top is not None and isinstance(path, Path):
        return Path(absolute(path)).relative_to(top).as_posix()
    return path.name if path == root else str(path.relative_to(str(root)).as_posix())


def folder_truths(files: dict[str, Location]) -> dict[str, int]:
    """The class of each photograph by the folder in which it lies, see the module."""
    folders = {name: PurePosixPath(name).parent.name for name in files}
    if bare := [name for name, folder in folders.items() if not folder]:
        raise DataError(f'{files[bare[0]]}: lies in no folder of its class, which `truth = "folders"` asks for')
    names = sorted(set(folders.values()))
    imagenet = class_numbers()
    counted = {name: number for number, name in enumerate(names)}
    numbers = imagenet if all(name in imagenet for name in names) else counted
    return {name: numbers[folder] for name, folder in folders.items()}


def table_truths(table: Location, files: dict[str, Location]) -> dict[str, int]:
    """The class of each photograph from a CSV; raises DataError with the line that is not valid or the file that lacks one."""
    try:
        reader = csv.DictReader(io.StringIO(read(table).decode("utf-8-sig")), strict=True)
        rows = list(reader)
    except (ValueError, csv.Error) as error:
        raise DataError(f"{table}: not a CSV of UTF-8 ({error})") from error
    if set(COLUMNS) - set(reader.fieldnames or ()):
        raise DataError(f"{table}: has the columns {reader.fieldnames!s:.80}; needed are {', '.join(COLUMNS)}")
    imagenet, truths = class_numbers(), {}
    for number, row in enumerate(rows, start=2):
        name, value = str(row["file"]), str(row["class"]).strip()
        if not value.isdecimal() and value not in imagenet:
            raise DataError(f"{table}, line {number}: class is {value!r:.60}; valid are numbers and ImageNet's names")
        truths[name] = int(value) if value.isdecimal() else imagenet[value]
    if lacking := [name for name in files if name not in truths]:
        raise DataError(f"{table}: no row for {lacking[0]}; {len(lacking)} of {len(files)} photographs have none")
    return {name: truths[name] for name in files}
