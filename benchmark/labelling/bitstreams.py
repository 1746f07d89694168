"""Bitstreams of a suite's images: those of slow encoders are made once and kept in the cache.

    bitstreams = Bitstreams(seed=0, folder=workspace.cache / "bitstreams")
    data = bitstreams.of(source, Condition("avif", 30), pristine)

Labelling, training, scoring and export share them, as do several processes. A file holds a checksum and a bitstream, and is
named by a digest of all that the bitstream depends on; one that is damaged is made again. Where the folder grows beyond its
limit, the oldest files go.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.core.digests import digest
from benchmark.core.errors import FileError
from benchmark.core.files import write_bytes
from benchmark.core.images import Pixels
from benchmark.core.types import Condition, Source
from benchmark.plugins.distortions import encoded, find_distortion

logger = logging.getLogger(__name__)

LIMIT = 20 * 10**9
"""Largest size of all bitstreams that are kept, in bytes."""
LEFT = 0.8
"""Share of the limit that is left when the oldest files go."""
CHECKSUM = 16
"""Number of bytes of the checksum that a file begins with."""
TYPICAL = 0.15
"""Approximate size of a bitstream as a share of that of the photograph's file, from which the space is estimated."""


@dataclass
class Bitstreams:
    """Makes the bitstreams of a suite's images."""

    seed: int
    """The suite's seed, from which distortions that draw derive their randomness."""
    folder: Path | None = None
    """Where bitstreams of slow encoders are kept, or None, if they are not."""
    used: int | None = field(default=None, init=False)
    """Size of the folder in bytes, once it is known."""
    lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __reduce__(self) -> tuple[type[Bitstreams], tuple[int, Path | None]]:
        """What another process needs to make them, too."""
        return Bitstreams, (self.seed, self.folder)

    def of(self, source: Source, condition: Condition, pristine: Callable[[], Pixels]) -> bytes:
        """The bitstream of an image.

        Args:
            source: the indexed source, or an augmented version.
            condition: a condition other than the pristine one.
            pristine: reads the pixels of the pristine image; it is called only where the bitstream must be made.

        Raises:
            DataError: the encoder fails on the image; the message names it.
        """
        distortion = find_distortion(condition.distortion)
        file = self.file(source, condition)
        data = kept(file) if file else None
        if data is None:
            data = encoded(distortion, pristine(), condition.level, source.id, seed=self.seed)
            if file:
                self.keep(file, data)
        return data

    def file(self, source: Source, condition: Condition) -> Path | None:
        """Where the bitstream of an image is kept; None if it is not."""
        distortion = find_distortion(condition.distortion)
        if self.folder is None or not distortion.is_slow:
            return None
        content = [source.id, source.digest, distortion.encoder(), str(condition.level), str(self.seed)]
        key = digest("bitstream 1", *content)
        return self.folder / condition.distortion / key[:2] / key

    def keep(self, file: Path, data: bytes) -> None:
        """Write a bitstream, unless that is not possible; what could be kept is an advantage and no need."""
        assert self.folder
        try:
            write_bytes(file, checksum(data) + data)
        except FileError as error:
            logger.debug(f"not kept: {error}")
            return
        with self.lock:
            self.used = size(self.folder) if self.used is None else self.used + len(data)
            if self.used > LIMIT:
                self.used = shrink(self.folder, int(LEFT * LIMIT))

    def announce(self, images: Iterable[tuple[Source, Condition]], bits: Callable[[str], int]) -> int:
        """Tell how many bitstreams are about to be made and kept; returns about how many bytes they take.

        Args:
            images: source and condition of each image of the coming work.
            bits: maps a source's id to the size of its photograph in bits.
        """
        made = [(source, file) for source, condition in images if (file := self.file(source, condition))]
        missing = [source.id for source, file in made if not file.is_file()]
        if not missing:
            return 0
        sample = missing[:: max(1, len(missing) // 16)]
        estimate = min(TYPICAL * len(missing) * sum(map(bits, sample)) / len(sample) / 8, LIMIT)
        logger.info(
            f"{len(missing)} images to encode once, about {estimate / 1e6:.1f} MB, kept in {self.folder}, which holds at most "
            f"{LIMIT / 1e9:.0f} GB"
        )
        return int(estimate)


def checksum(data: bytes) -> bytes:
    """Checksum of a bitstream."""
    return hashlib.blake2b(data, digest_size=CHECKSUM).digest()


def kept(file: Path) -> bytes | None:
    """The bitstream in a file; None if there is none, or it is damaged."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    data = content[CHECKSUM:]
    return data if content[:CHECKSUM] == checksum(data) else None


def size(folder: Path) -> int:
    """Size of all files below a folder, in bytes."""
    return sum(status[1] for status in statuses(folder))


def shrink(folder: Path, limit: int) -> int:
    """Remove the oldest files below a folder until they take at most `limit` bytes; returns what they take."""
    files = sorted(statuses(folder))
    total = sum(length for _, length, _ in files)
    for _, length, path in files:
        if total <= limit:
            break
        with contextlib.suppress(OSError):  # another process may remove it, too
            path.unlink()
        total -= length
    return total


def statuses(folder: Path) -> list[tuple[float, int, Path]]:
    """Time of change, size and path of each file below a folder."""
    files = []
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            if path.is_file():
                files.append((status.st_mtime, status.st_size, path))
    return files
