"""Glyphs: generated, deterministic letters on photographs; the embedded dataset that needs no download.

A scene is one letter of ten, in one of 22 fonts, blended onto a crop of a photograph that scikit-image, scikit-learn or
Matplotlib ships, 64 x 64 px. Size and contrast vary, and with them how much compression the letter survives. Fonts and
photographs are divided between three pools: `zoo` trains the task networks, and `train` and `test` belong to the benchmark. No
letter's shape and no background occurs in two pools.

    Glyphs(train=4800, test=1200).read("test-00017")

All arithmetic is on integers (Pillow's 8-bit resize, NumPy), so that the pixels are the same on every machine; only the
decoders of the six photographs that are JPEG files could change them, and the digests would reveal that.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.core.digests import digest
from benchmark.core.errors import DataError
from benchmark.core.images import Pixels, pixel_digest, png_bits
from benchmark.core.types import Source

Ints = np.ndarray[tuple[int, ...], np.dtype[np.int32]]
SIZE = 64
LETTERS = "ABDEGKNRSX"
MASKS = Path(__file__).with_name("letters.npz")
PHOTOGRAPHS = {
    "zoo": ["camera.png", "chelsea.png", "brick.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "flower.jpg"],
    "train": [
        "astronaut.png", "coffee.png", "grass.png", "coins.png", "china.jpg",
        "grace_hopper.jpg", "clock_motion.png", "color.png",
    ],
    "test": ["motorcycle_left.png", "rocket.jpg", "gravel.png", "cell.png", "retina.jpg"],
}  # fmt: skip
POOLS = tuple(PHOTOGRAPHS)
HEIGHTS = {"zoo": (20, 57), "train": (28, 57), "test": (28, 57)}
"""Least and greatest height of a letter, in px."""
CONTRASTS = {"zoo": (24, 184), "train": (12, 60), "test": (12, 60)}
"""Least and greatest difference between a letter and its ground, in grey levels. The benchmark's letters are large and faint,
so that they are legible until compression flattens them."""


class LetterScenes(ABC):
    """A dataset of scenes of one letter each, by pools; a subclass says how a scene is drawn."""

    classes = len(LETTERS)
    counts: dict[str, int]
    """Number of scenes of each pool."""

    @abstractmethod
    def signature(self) -> str:
        """Digest of everything that the scenes depend on."""

    @abstractmethod
    def read(self, source: str) -> Pixels:
        """Render one scene, uint8 RGB of shape (64, 64, 3).

        Raises:
            DataError: there is no such source.
        """

    def sources(self) -> list[Source]:
        """All sources, without digests."""
        return [
            Source(id=f"{pool}-{index:05d}", truth=index % self.classes, pool=pool)
            for pool, count in self.counts.items()
            for index in range(count)
        ]

    def content(self, source: str) -> bytes:
        """The bytes that identify a source's content, which are its pixels."""
        return self.read(source).tobytes()

    def bits(self, source: str) -> int:
        """Size of the scene as a PNG."""
        return png_bits(self.read(source))


class Glyphs(LetterScenes):
    """The glyphs dataset, with `train` and `test` sources in the pools of these names."""

    def __init__(self, train: int, test: int, *, zoo: int = 0) -> None:
        self.counts = checked_counts({"zoo": zoo, "train": train, "test": test})

    def signature(self) -> str:
        """Digest of counts, masks, photographs and this file."""
        photographs = [pixel_digest(photograph(name)) for names in PHOTOGRAPHS.values() for name in names]
        return digest(repr(self.counts), MASKS.read_bytes(), Path(__file__).read_bytes(), *photographs)

    def read(self, source: str) -> Pixels:
        """Render one scene."""
        return scene(*check_id(source, self.counts))


def checked_counts(counts: dict[str, int]) -> dict[str, int]:
    """The counts of scenes by pool, unchanged; raises ValueError where one is not a number of scenes."""
    for pool, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise ValueError(f"{pool} is {count!r}; it is a number of scenes")
    return counts


def check_id(source: str, counts: dict[str, int]) -> tuple[str, int]:
    """Pool and index of a source's id; raises DataError where there is no such source."""
    pool, _, index = source.partition("-")
    if not (pool in counts and index.isascii() and index.isdigit() and int(index) < counts[pool]):
        available = ", ".join(f"{count} in {name}" for name, count in counts.items())
        raise DataError(f"glyphs: no source {source!r}; ids look like 'train-00017', there are {available}")
    return pool, int(index)


@functools.lru_cache(maxsize=8192)
def scene(pool: str, index: int) -> Pixels:
    """Scene `index` of a pool; its letter is the index modulo ten."""
    random = np.random.default_rng([POOLS.index(pool), index])
    draw = iter(random.random(12).tolist())
    names, masks = PHOTOGRAPHS[pool], letters(pool)[LETTERS[index % len(LETTERS)]]

    photo = photograph(names[int(next(draw) * len(names))])
    side = int(64 + next(draw) * 128)
    top, left = int(next(draw) * (photo.shape[0] - side)), int(next(draw) * (photo.shape[1] - side))
    crop = Image.fromarray(photo[top : top + side, left : left + side])
    ground = np.array(crop.resize((SIZE, SIZE), Image.Resampling.BICUBIC), np.int32)

    put_letter(ground, masks, draw, heights=HEIGHTS[pool], contrasts=CONTRASTS[pool])
    return finished(ground)


def put_letter(
    ground: Ints, masks: list[Pixels], draw: Iterator[float], *, heights: tuple[int, int], contrasts: tuple[int, int]
) -> None:
    """Blend one letter onto a ground, in place.

    Args:
        ground: int32 (64, 64, 3), 0 to 255.
        masks: the letter in each font that may be drawn.
        draw: at least eight numbers in [0, 1), which choose font, height, position, contrast and tint.
        heights: least and greatest height, in px.
        contrasts: least and greatest difference from the ground, in grey levels.
    """
    mask = masks[int(next(draw) * len(masks))]
    small, large = heights
    height = int(small + next(draw) * (large - small))
    width = min(SIZE - 4, max(4, round(mask.shape[1] * height / mask.shape[0])))
    ink = np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.BICUBIC)).astype(np.int32)
    y, x = int(next(draw) * (SIZE - height)), int(next(draw) * (SIZE - width))

    faint, strong = contrasts
    contrast = int(faint + next(draw) ** 2 * (strong - faint))
    tint = np.array([int(next(draw) * 40) - 20 for _ in range(3)])
    blend(ground, ink, y, x, contrast=contrast, tint=tint)


def finished(ground: Ints) -> Pixels:
    """A scene as uint8, which is read-only, since all callers share it."""
    pixels = np.ascontiguousarray(ground, np.uint8)
    pixels.flags.writeable = False
    return pixels


def blend(ground: Ints, ink: Ints, top: int, left: int, *, contrast: int, tint: Ints) -> None:
    """Put a letter onto a scene, in place.

    The letter is lighter than a dark ground and darker than a light one. Contrasts are drawn as squares, so that faint
    letters, which compression destroys first, are common.

    Args:
        ground: the scene, int32 (H, W, 3), 0 to 255.
        ink: opacity of the letter, int32 (h, w), 0 to 255.
        top: the letter's upper edge in the scene, in px.
        left: the letter's left edge in the scene, in px.
        contrast: difference from the ground's mean, in grey levels.
        tint: the value added to each channel, shape (3,).
    """
    under = ground[top : top + ink.shape[0], left : left + ink.shape[1]]
    level = under.mean(axis=(0, 1)).astype(np.int32)
    colour = np.clip(level + np.where(level.mean() < 128, contrast, -contrast) + tint, 0, 255)
    opacity = ink[..., None] * 230 // 255
    under[:] = (under * (255 - opacity) + colour * opacity + 127) // 255


@functools.cache
def letters(pool: str) -> dict[str, list[Pixels]]:
    """The masks of a pool: for each letter, one uint8 array (96, W) per font."""
    table: dict[str, list[Pixels]] = {letter: [] for letter in LETTERS}
    with np.load(MASKS) as masks:
        for key in sorted(masks.files):
            owner, _, letter = key.split("/")
            if owner == pool:
                table[letter].append(masks[key])
    return table


@functools.cache
def photograph(name: str) -> Pixels:
    """One of the shipped photographs, uint8 RGB."""
    import matplotlib as mpl
    import skimage
    import sklearn

    folders = [
        Path(skimage.__file__).parent / "data",
        Path(sklearn.__file__).parent / "datasets" / "images",
        Path(mpl.get_data_path()) / "sample_data",
    ]
    for folder in folders:
        if (folder / name).is_file():
            with Image.open(folder / name) as opened:
                return np.asarray(opened.convert("RGB"))
    raise DataError(f"glyphs: photograph {name} is missing; looked in {' and '.join(map(str, folders))}")
