"""Draw the letters of the glyphs suites: one mask per font and letter, stored in `letters.npz`.

    python benchmark/plugins/datasets/make_letters.py

The masks are committed, so that the scenes do not change with the version of FreeType. The fonts are DejaVu, STIX and Computer
Modern, as Matplotlib ships them. Each mask is uint8, 0 (outside) to 255 (ink), 96 px high, cropped to the letter's width.
"""

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

LETTERS = "ABDEGKNRSX"
HEIGHT = 96
FONTS = {
    "zoo": [
        "DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono-Oblique",
        "STIXGeneral", "STIXGeneralBolIta", "cmr10", "cmtt10",
    ],
    "train": [
        "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSerif-Bold", "DejaVuSerif-Italic",
        "DejaVuSansMono-BoldOblique", "STIXGeneralBol", "cmss10", "cmti10",
    ],
    "test": [
        "DejaVuSans-BoldOblique", "DejaVuSansMono-Bold", "DejaVuSerif-BoldItalic",
        "STIXGeneralItalic", "cmb10", "cmmi10",
    ],
}  # fmt: skip


def draw(font: str, letter: str) -> np.ndarray:
    """One letter as a mask of shape (96, W) that fills its bounding box."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    canvas = Image.new("L", (600, 400))
    ImageDraw.Draw(canvas).text((200, 60), letter, font=ImageFont.truetype(str(path), 160), fill=255)
    ink = canvas.crop(canvas.getbbox())
    width = max(1, round(ink.width * HEIGHT / ink.height))
    return np.asarray(ink.resize((width, HEIGHT), Image.Resampling.BICUBIC))


if __name__ == "__main__":
    masks = {f"{pool}/{font}/{x}": draw(font, x) for pool, fonts in FONTS.items() for font in fonts for x in LETTERS}
    target = Path(__file__).with_name("letters.npz")
    np.savez_compressed(target, allow_pickle=False, **masks)
    print(f"{len(masks)} masks, {target.stat().st_size / 1024:.0f} KiB: {target}")
