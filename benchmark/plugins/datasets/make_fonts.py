"""Draw the letters of the glyphs: one mask per family and letter, stored in `fonts.npz`.

    npm pack @fontsource/lato@5.3.0 ...              # each package of fonts.csv, of this version; unpack them in a folder
    python -m benchmark.plugins.datasets.make_fonts FOLDER [SHEETS]

`fonts.csv` lists the fonts: family, style, licence, package, version, file and pool. One file stands for a family, and a
family belongs to one pool. The licences are open ones (SIL Open Font License, Apache), and no font is distributed here: the
masks are pictures of ten letters. Fonts were chosen by eye, from contact sheets, which this script writes into SHEETS, a file
for each pool: all letters are capitals of usual shape, without pixels, outlines or ornament. Families of one
designer's system (DM Sans and DM Mono) are represented by one, so that pools do not share shapes under two names.

The masks are committed, so that the scenes do not change with the version of FreeType. A mask is 64 px high, cropped to the
letter's width, with 16 shades from 0 (outside) to 255 (ink). The masks of a pool stand side by side in one array (64, W), in
the order of the table and of the letters; `POOL/widths`, shape (families, 10), holds their widths.
"""

from __future__ import annotations

import csv
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

from benchmark.plugins.datasets.glyphs import LETTERS, MASKS, POOLS

Mask = np.ndarray[tuple[int, int], np.dtype[np.uint8]]
HEIGHT = 64
TABLE = Path(__file__).with_name("fonts.csv")
LICENCES = ("OFL-1.1", "Apache-2.0")
SYMBOLS = 5
"""Panose's number for families of symbols."""
INK = (0.12, 0.92)
"""Least and greatest share of ink in a letter's bounding box."""
ALIKE = 0.9
"""Correlation from which two letters of a font are held to be one shape."""


class Refused(ValueError):
    """A font that the datasets cannot use."""


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of the table of fonts.

    Raises:
        Refused: a family or a file stands there twice, or a pool or licence is unknown.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for column in ("family", "file", "package"):
        names = [row[column] for row in rows]
        if twice := {name for name in names if names.count(name) > 1}:
            raise Refused(f"{path.name}: {column} {min(twice)} stands there twice")
    for row in rows:
        if row["pool"] not in POOLS or row["licence"] not in LICENCES:
            raise Refused(f"{path.name}: {row['family']} has pool {row['pool']!r} and licence {row['licence']!r}")
    return rows


def draw(font: ImageFont.FreeTypeFont, letter: str) -> Mask:
    """One letter as a mask of shape (64, W) that fills its bounding box, in 16 shades."""
    canvas = Image.new("L", (600, 400))
    ImageDraw.Draw(canvas).text((200, 60), letter, font=font, fill=255)
    box = canvas.getbbox()
    if box is None:
        raise Refused(f"letter {letter} is empty")
    ink = canvas.crop(box)
    width = max(1, round(ink.width * HEIGHT / ink.height))
    mask = np.asarray(ink.resize((width, HEIGHT), Image.Resampling.BICUBIC))
    return ((mask.astype(np.int32) + 8) // 17 * 17).astype(np.uint8)


def letters_of(path: Path) -> list[Mask]:
    """The masks of a font's ten letters.

    Raises:
        Refused: it is a font of symbols, lacks a letter, or its letters are empty, full or alike.
    """
    with TTFont(path) as opened:
        missing = [letter for letter in LETTERS if ord(letter) not in (opened.getBestCmap() or {})]
        kind = opened["OS/2"].panose.bFamilyType
    if missing or kind == SYMBOLS:
        raise Refused(f"{path.name}: " + (f"no letter {missing[0]}" if missing else "a font of symbols"))
    font = ImageFont.truetype(str(path), 160)
    masks = [draw(font, letter) for letter in LETTERS]
    for letter, mask in zip(LETTERS, masks, strict=True):
        if not INK[0] < mask.mean() / 255 < INK[1]:
            raise Refused(f"{path.name}: letter {letter} has {mask.mean() / 255:.2f} of ink")
    square = [np.asarray(Image.fromarray(mask).resize((HEIGHT, HEIGHT))).reshape(-1) for mask in masks]
    likeness = np.corrcoef(square)
    for first, second in combinations(range(len(LETTERS)), 2):
        if likeness[first, second] > ALIKE:
            raise Refused(f"{path.name}: letters {LETTERS[first]} and {LETTERS[second]} are alike")
    return masks


def sheet(fonts: dict[str, list[Mask]]) -> Image.Image:
    """A contact sheet: one line for each family, its name and its letters 32 px high."""
    page = Image.new("L", (200 + 48 * len(LETTERS), 40 * len(fonts)), 255)
    pen = ImageDraw.Draw(page)
    for line, (family, masks) in enumerate(fonts.items()):
        pen.text((4, 40 * line + 14), family, fill=0)
        for column, mask in enumerate(masks):
            ink = Image.fromarray(255 - mask)
            page.paste(ink.resize((min(44, ink.width // 2), HEIGHT // 2)), (200 + 48 * column, 40 * line + 4))
    return page


def main(folder: Path, sheets: Path | None) -> None:
    """Draw all letters of the table's fonts, whose files lie somewhere below a folder, and store them."""
    files = {path.name: path for path in folder.rglob("*") if path.is_file()}
    fonts: dict[str, dict[str, list[Mask]]] = {pool: {} for pool in POOLS}
    for row in read_table(TABLE):
        if row["file"] not in files:
            raise FileNotFoundError(f"no {row['file']} below {folder}; it is in {row['package']} {row['version']}")
        fonts[row["pool"]][row["family"]] = letters_of(files[row["file"]])
    arrays: dict[str, np.ndarray] = {}
    for pool, families in fonts.items():
        arrays[pool] = np.concatenate([mask for masks in families.values() for mask in masks], axis=1)
        arrays[f"{pool}/widths"] = np.array(
            [[mask.shape[1] for mask in masks] for masks in families.values()], np.uint16
        )
        if sheets:
            sheet(families).save(sheets / f"{pool}.png")
    np.savez_compressed(MASKS, allow_pickle=False, **arrays)
    counts = ", ".join(f"{len(families)} families in {pool}" for pool, families in fonts.items())
    print(f"{counts}; {MASKS.stat().st_size / 1024:.0f} KiB: {MASKS}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
