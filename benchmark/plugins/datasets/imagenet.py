"""ImageNet (ILSVRC 2012), 1,000 classes in the sorted order of their WordNet ids, in any of three layouts.

    <data>/imagenet/val/<wnid>/*.JPEG                                              torchvision's
    <data>/imagenet/ILSVRC/Data/CLS-LOC/val/*.JPEG with LOC_val_solution.csv       Kaggle's archive as it is unpacked
    <data>/imagenet/val/*.JPEG with ILSVRC2012_devkit_t12/data                     the original archives'

The folder `val` may lie anywhere below `imagenet`, or be missing where validation photographs alone lie there. Where it exists
its photographs are used and no others; photographs for training and testing are never used.

A source's id is its file's name without the ending, so it is the same in every layout. Photographs are read as they are stored,
without the turn that EXIF may ask for, as torchvision does and published results did.
"""

from __future__ import annotations

import csv
import io
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.digests import digest
from benchmark.core.errors import DataError
from benchmark.core.images import Pixels, decode
from benchmark.core.photographs import endings, find_files, find_photographs
from benchmark.core.storage import read, stamp
from benchmark.core.types import Source

if TYPE_CHECKING:
    from benchmark.core.storage import Location

WNIDS = Path(__file__).with_name("imagenet_wnids.txt")
VALIDATION = {"val", "valid", "validation", "ilsvrc2012_img_val"}
"""Names, in lower case, of the folder of validation photographs."""
OTHER_PARTS = {"train", "training", "test"}
"""Words that name, in lower case, a folder of photographs that are not for validation, such as `ILSVRC2012_img_train`."""

logger = logging.getLogger(__name__)


class ImageNet:
    """The photographs below `<data>/imagenet`.

    Raises:
        DataError: folder, photographs or ground truth are missing, or a class is unknown; the message names the path.
    """

    classes = 1000

    def __init__(self, data: Location | None) -> None:
        if data is None:
            raise DataError("no data folder: set UTILBENCH_DATA or --data to the folder that holds imagenet/")
        self.root = data / "imagenet"
        if not self.root.is_dir():
            raise DataError(
                f"ImageNet is missing: no folder {self.root}; get ILSVRC2012_img_val.tar from image-net.org and unpack "
                "it into val/<wnid>/*.JPEG there, or flat with LOC_val_solution.csv or the devkit beside it"
            )
        self.wnids = WNIDS.read_text().split()
        self.files, self.truths = self.find()

    def find(self) -> tuple[dict[str, Location], dict[str, int]]:
        """The file and the class of every source id."""
        index = {wnid: number for number, wnid in enumerate(self.wnids)}
        flat = self.flat_truths()
        files: dict[str, Location] = {}
        truths: dict[str, int] = {}
        for path in self.validation_photographs():
            folder = path.parent.name
            wnid = flat.get(path.stem, "") if flat else folder
            if wnid not in index:
                what = "has no entry in the ground truth" if flat else f"lies in {folder}/, which is no wnid"
                raise DataError(
                    f"{path}: {what}; classes are the 1,000 WordNet ids {self.wnids[0]} to {self.wnids[-1]}"
                )
            if folder in index and folder != wnid:
                raise DataError(f"{path}: lies in {folder}/, the ground truth says {wnid}; one of them is wrong")
            if path.stem in files:
                raise DataError(f"{path} and {files[path.stem]} have the same name; names identify sources")
            files[path.stem], truths[path.stem] = path, index[wnid]
        return files, truths

    def validation_photographs(self) -> list[Location]:
        """The photographs in the folder of validation photographs, or all where there is no such folder and no other part."""
        photographs = find_photographs(self.root, skip=is_other_part)
        folders = sorted({folder for path in photographs if (folder := validation_folder(path, self.root))})
        if len(folders) > 1:
            raise DataError(
                f"{folders[0]} and {folders[1]} both hold validation photographs; keep one of them below {self.root}"
            )
        chosen = [path for path in photographs if validation_folder(path, self.root)] or photographs
        if not chosen:
            listed = ", ".join(sorted(endings()))
            raise DataError(
                f"no photograph for validation below {self.root}, such as val/<wnid>/*.JPEG; those below train/ and test/ are "
                f"never used; photographs end in {listed}"
            )
        if left_out := len(photographs) - len(chosen):
            logger.warning(f"imagenet: the photographs in {folders[0]} are used; {left_out} beside it take no part")
        return chosen

    def flat_truths(self) -> dict[str, str]:
        """The class of each file name from Kaggle's table or the devkit; empty where neither exists."""
        named = {path.name: path for path in find_files(self.root, skip=is_other_part)}
        if table := named.get("LOC_val_solution.csv"):
            return kaggle_truths(table)
        if listing := named.get("ILSVRC2012_validation_ground_truth.txt"):
            return devkit_truths(listing)
        return {}

    def signature(self) -> str:
        """Digest of the files' names, sizes and times."""
        return digest(*(f"{name} {stamp(path)}" for name, path in self.files.items()))

    def sources(self) -> list[Source]:
        """All sources, without digests, in the order of their ids."""
        return [Source(id=name, truth=self.truths[name]) for name in sorted(self.files)]

    def content(self, source: str) -> bytes:
        """The bytes that identify a source's content, which are those of its file."""
        if source not in self.files:
            raise DataError(f"imagenet: no source {source!r} below {self.root}")
        return read(self.files[source])

    def read(self, source: str) -> Pixels:
        """The photograph at its original size, uint8 RGB (H, W, 3).

        Raises:
            DataError: the file is unreadable or not an image; the message names it.
        """
        return decode(self.content(source), str(self.files[source]), upright=False)

    def bits(self, source: str) -> int:
        """Size of the photograph's file."""
        return 8 * len(self.content(source))


def is_other_part(folder: str) -> bool:
    """Whether a folder of this name holds photographs for training or testing.

    Examples:
        >>> is_other_part("train"), is_other_part("ILSVRC2012_img_test"), is_other_part("val"), is_other_part("trains")
        (True, True, False, False)
    """
    return not OTHER_PARTS.isdisjoint(re.split(r"[^a-z]+", folder.lower()))


def validation_folder(path: Location, root: Location) -> Location | None:
    """The folder of validation photographs, below the root, in which a photograph lies; None where it lies in none."""
    return next(
        (folder for folder in path.parents if folder.name.lower() in VALIDATION and root in folder.parents), None
    )


def kaggle_truths(table: Location) -> dict[str, str]:
    """The class of each file name from Kaggle's table; raises DataError where it is not filled or lacks a column."""
    try:
        rows = csv.DictReader(io.StringIO(read(table).decode("utf-8-sig"), newline=""))
        return {row["ImageId"]: row["PredictionString"].split()[0] for row in rows}
    except (KeyError, IndexError, AttributeError, ValueError, csv.Error) as error:
        raise DataError(f"{table}: needs the columns ImageId and PredictionString, filled") from error


def devkit_truths(listing: Location) -> dict[str, str]:
    """The class of each file name from the devkit's list of class numbers and its table of them; raises DataError."""
    from scipy.io import loadmat

    table = listing.with_name("meta.mat")
    try:
        synsets = loadmat(io.BytesIO(read(table)), squeeze_me=True)["synsets"]
        wnids = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in synsets}
    except Exception as error:  # scipy raises many types on a damaged file
        raise DataError(f"{table}: missing or not the devkit's ({error})") from error
    try:
        numbers = [int(line) for line in read(listing).split()]
        return {f"ILSVRC2012_val_{position:08d}": wnids[number] for position, number in enumerate(numbers, start=1)}
    except (KeyError, ValueError) as error:
        raise DataError(f"{listing}: holds {error}, which is no class number of {table}") from error
