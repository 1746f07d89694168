"""Draws what each distortion does at several levels: `python -m tests.studies.distortions`, a few seconds.

A part of Chelsea the cat (by Stéfan van der Walt, CC0, shipped with scikit-image), which is damaged as a whole, 300 x 451 px.
Codecs of extras are not drawn. Writes results/studies/distortions.png.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmark.core.files import atomic
from benchmark.plugins.distortions import decoded, encoded
from benchmark.plugins.distortions.camera_faults import CAMERA_FAULTS
from benchmark.plugins.distortions.codecs import CODECS
from tests.photographs import photograph
from tests.studies.table import FOLDER

PART = slice(64, 152), slice(114, 244)
"""Rows and columns that are drawn."""
EDGE, HEAD, COLOURS = 96, 15, 128
"""Width of the names, height of the line above each row of tiles, in px, and colours of the picture."""
SHARES = (1, 0.7, 0.45, 0.25, 0.1, 0)
"""The levels of codecs, from the lowest (0) to the highest (1)."""
STEPS = (10, 8, 6, 4, 2, 1)
"""The levels of camera faults."""


def levels(distortion):
    """The levels that are drawn, best first."""
    if distortion.kind == "camera fault":
        return STEPS
    last = len(distortion.levels) - 1
    return [distortion.levels[round(share * last)] for share in SHARES]


def tiles(distortion):
    """Level, size in bits a pixel and part of the damaged photograph, at each level that is drawn."""
    cat = photograph("chelsea.png")
    for level in levels(distortion):
        bitstream = encoded(distortion, cat, level, "chelsea")
        yield level, 8 * len(bitstream) / cat[..., 0].size, decoded(distortion, bitstream, "chelsea")[PART]


def main():
    """Draw all distortions, a row each."""
    shown = (*CODECS, *CAMERA_FAULTS)
    height, width = photograph("chelsea.png")[PART].shape[:2]
    size = (EDGE + len(STEPS) * (width + 2), len(shown) * (height + HEAD + 2))
    picture, font = Image.new("RGB", size, "white"), ImageFont.load_default(11)
    pen = ImageDraw.Draw(picture)
    for row, distortion in enumerate(shown):
        top = row * (height + HEAD + 2)
        pen.text((4, top + HEAD + height // 2), distortion.name, "black", font, anchor="lm")
        for column, (level, bits, tile) in enumerate(tiles(distortion)):
            left = EDGE + column * (width + 2)
            pen.text((left + 2, top + 1), f"level {level}, {bits:.2f} bits/px", "black", font)
            picture.paste(Image.fromarray(np.ascontiguousarray(tile)), (left, top + HEAD))
    FOLDER.mkdir(parents=True, exist_ok=True)
    with atomic(FOLDER / "distortions.png") as path:
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, "PNG", optimize=True)


if __name__ == "__main__":
    main()
