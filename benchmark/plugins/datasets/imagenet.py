"""ImageNet (ILSVRC 2012), 1,000 classes in the sorted order of their WordNet ids, in any of three layouts.

    <data>/imagenet/val/<wnid>/*.JPEG                             torchvision's
    <data>/imagenet/**/*.JPEG with LOC_val_solution.csv           Kaggle's
    <data>/imagenet/**/*.JPEG with ILSVRC2012_devkit_t12/data     the original archives'

A source's id is its file's name without the ending, so it is the same in every layout.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.digests import digest
from benchmark.core.errors import DataError
from benchmark.core.images import Pixels, decode
from benchmark.core.storage import read, stamp
from benchmark.core.types import Source

if TYPE_CHECKING:
    from benchmark.core.storage import Location

WNIDS = Path(__file__).with_name("imagenet_wnids.txt")
ENDINGS = {".jpeg", ".jpg", ".png"}


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
        photographs = sorted(path for path in self.root.rglob("*") if path.suffix.lower() in ENDINGS)
        if not photographs:
            raise DataError(f"no photograph (.JPEG, .jpg, .png) below {self.root}")
        index = {wnid: number for number, wnid in enumerate(self.wnids)}
        flat = self.flat_truths()
        files: dict[str, Location] = {}
        truths: dict[str, int] = {}
        for path in photographs:
            wnid = flat.get(path.stem, "") if flat else path.parent.name
            if wnid not in index:
                what = "has no entry in the ground truth" if flat else f"lies in {path.parent.name}/, which is no wnid"
                raise DataError(
                    f"{path}: {what}; classes are the 1,000 WordNet ids {self.wnids[0]} to {self.wnids[-1]}"
                )
            if path.stem in files:
                raise DataError(f"{path} and {files[path.stem]} have the same name; names identify sources")
            files[path.stem], truths[path.stem] = path, index[wnid]
        return files, truths

    def flat_truths(self) -> dict[str, str]:
        """The class of each file name from Kaggle's table or the devkit; empty where neither exists."""
        for table in self.root.rglob("LOC_val_solution.csv"):
            with table.open(newline="") as file:
                try:
                    return {row["ImageId"]: row["PredictionString"].split()[0] for row in csv.DictReader(file)}
                except (KeyError, IndexError, AttributeError) as error:
                    raise DataError(f"{table}: needs the columns ImageId and PredictionString, filled") from error
        for listing in self.root.rglob("ILSVRC2012_validation_ground_truth.txt"):
            from scipy.io import loadmat

            try:
                meta = io.BytesIO(listing.with_name("meta.mat").read_bytes())
                synsets = loadmat(meta, squeeze_me=True)["synsets"]
            except (OSError, KeyError, ValueError) as error:
                raise DataError(f"{listing.with_name('meta.mat')}: missing or not the devkit's ({error})") from error
            wnids = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in synsets}
            numbers = [int(line) for line in listing.read_text().split()]
            return {f"ILSVRC2012_val_{position:08d}": wnids[number] for position, number in enumerate(numbers, start=1)}
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
        return decode(self.content(source), str(self.files[source]))

    def bits(self, source: str) -> int:
        """Size of the photograph's file."""
        return 8 * len(self.content(source))
