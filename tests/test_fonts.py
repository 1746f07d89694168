from collections import Counter
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from benchmark.plugins.datasets import make_fonts
from benchmark.plugins.datasets.glyphs import LETTERS, POOLS


def test_fonts_are_many_open_and_evenly_dealt():
    """There are over a hundred families, at least 25 in the test pool, and each style has its share of every pool."""
    rows = make_fonts.read_table(make_fonts.TABLE)
    styles, pools = Counter(row["style"] for row in rows), Counter(row["pool"] for row in rows)
    assert len(rows) == len({row["family"] for row in rows}) >= 100
    assert pools["test"] >= 25
    assert set(pools) == set(POOLS)
    for (pool, style), count in Counter((row["pool"], row["style"]) for row in rows).items():
        assert abs(count - pools[pool] * styles[style] / len(rows)) < 1
    assert len({(row["pool"], row["style"]) for row in rows}) == len(pools) * len(styles) == 16


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ("Lato", "Lora", "Lora"),
        ("OFL-1.1", "GPL", "GPL"),
        (",train\n", ",night\n", "night"),
        ("lato-latin-400", "lora", "lora"),
    ],
)
def test_a_wrong_table_of_fonts_is_refused(was, becomes, named, tmp_path):
    """A family or a file that stands there twice, or a strange pool or licence raises and is named."""
    text = (
        "family,style,licence,package,version,file,pool\nLato,sans,OFL-1.1,a,1,lato-latin-400.woff,train\n"
        "Lora,serif,OFL-1.1,b,1,lora.woff,test\n"
    )
    (tmp_path / "fonts.csv").write_text(text)
    assert len(make_fonts.read_table(tmp_path / "fonts.csv")) == 2
    (tmp_path / "fonts.csv").write_text(text.replace(was, becomes))
    with pytest.raises(make_fonts.Refused, match=named):
        make_fonts.read_table(tmp_path / "fonts.csv")


FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"


def test_a_font_gives_ten_masks_that_fill_their_boxes():
    """The masks of a usual font are 64 px high, in 16 shades, and reach all edges."""
    masks = make_fonts.letters_of(FONTS / "DejaVuSans.ttf")
    assert len(masks) == len(LETTERS)
    for mask in masks:
        assert len(mask) == 64
        assert set(np.unique(mask).tolist()) <= {17 * shade for shade in range(16)}
        assert all(edge.any() for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    assert make_fonts.sheet({"DejaVu Sans": masks}).size == (680, 40)


@pytest.mark.parametrize("name", ["STIXSizOneSymReg.ttf", "cmex10.ttf"])
def test_fonts_without_the_letters_are_refused(name):
    """A font of symbols, or one that lacks a letter, raises and is named."""
    with pytest.raises(make_fonts.Refused, match=name):
        make_fonts.letters_of(FONTS / name)
