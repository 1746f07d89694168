"""Files of charts are drawn again exactly where what they show, or how it is drawn, has changed, or where they are damaged."""

import io
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from benchmark.core.pictures import STYLE
from benchmark.leaderboard import figures, picture_files
from benchmark.leaderboard.chart_parts import Chart, Panel, Series
from benchmark.leaderboard.picture_files import origin_of, write_picture

LINE = Series("mine", "line", [0.0, 0.5, 1.0], [0.2, float("nan"), 0.9], "#0072B2", "circle")
CHART = Chart("curve", "How much?", "A line.", (Panel("one", (LINE,), "share", "gain"),), (3.0, 2.0))


@pytest.fixture
def drawn(monkeypatch):
    """The charts that were drawn."""
    charts = []
    monkeypatch.setattr(
        figures, "draw_panel", lambda *given, then=figures.draw_panel: charts.append(given) or then(*given)
    )
    return charts


def contents(files):
    """The bytes of files."""
    return [file.read_bytes() for file in files]


def test_the_same_chart_is_drawn_once(tmp_path, drawn):
    """Written again, and drawn anew elsewhere, it has the same bytes; both kinds are what they say, and name their origin."""
    files = write_picture(CHART, figures.picture, tmp_path / "curve")
    first = contents(files)
    assert write_picture(CHART, figures.picture, tmp_path / "curve") == files and len(drawn) == 1
    assert contents(files) == first == contents(write_picture(CHART, figures.picture, tmp_path / "other"))
    assert len({origin_of(file) for file in files}) == 1 and len(drawn) == 2
    with Image.open(files[0]) as picture:
        assert (picture.format, picture.size, len(picture.getcolors()) > 2) == ("PNG", (480, 320), True)
    assert first[1].startswith(b"<?xml") and b"</svg>" in first[1]


@pytest.mark.parametrize("width", [3.0, 7.01, 8.399999999999999, 2.6 * 3 + 1.8])
@pytest.mark.parametrize("height", [2.0, 4.26, 2.7 * 3 + 0.5])
def test_a_picture_has_the_pixels_that_matplotlib_draws(width, height, tmp_path):
    """Of any size, whole or not in pixels: only colours become fewer."""
    chart = replace(CHART, size=(width, height))
    (file,) = write_picture(chart, figures.picture, tmp_path / "curve", endings=["png"])
    drawn = io.BytesIO()
    with mpl.rc_context(rc=STYLE):
        figures.picture(chart).savefig(drawn, format="png", dpi=picture_files.DPI)
    with Image.open(file) as ours, Image.open(drawn) as theirs:
        assert ours.size == theirs.size
        gap = np.abs(np.asarray(ours.convert("RGB"), int) - np.asarray(theirs.convert("RGB"), int))
    assert gap.max() <= 32


@pytest.mark.parametrize(
    "change",
    [
        {"about": "Another line."},
        {"size": (3.0, 2.5)},
        {"panels": (replace(CHART.panels[0], series=(replace(LINE, y=[0.2, 0.4, 0.9]),)),)},
        {"panels": (replace(CHART.panels[0], series=(replace(LINE, muted=True),)),)},
    ],
)
def test_another_chart_is_drawn_in_its_place(change, tmp_path, drawn):
    """Any other number, text, size or look."""
    files = write_picture(CHART, figures.picture, tmp_path / "curve")
    write_picture(replace(CHART, **change), figures.picture, tmp_path / "curve")
    again = contents(files)
    assert len(drawn) == 2
    assert again == contents(write_picture(replace(CHART, **change), figures.picture, tmp_path / "other"))


@pytest.mark.parametrize("kind", ["png", "svg"])
@pytest.mark.parametrize(
    "damage",
    {
        "empty": lambda data: b"",
        "cut": lambda data: data[:-40],
        "one byte": lambda data: data[:300] + bytes([data[300] ^ 1]) + data[301:],
        "another file": lambda data: b"hello",
    }.items(),
    ids=lambda pair: pair[0],
)
def test_a_damaged_file_is_drawn_again(kind, damage, tmp_path, drawn):
    """Whatever happened to it, and where it is missing."""
    (file,) = write_picture(CHART, figures.picture, tmp_path / "curve", endings=[kind])
    sound = file.read_bytes()
    file.write_bytes(damage[1](sound))
    assert origin_of(file) == ""
    write_picture(CHART, figures.picture, tmp_path / "curve", endings=[kind])
    assert file.read_bytes() == sound and len(drawn) == 2
    file.unlink()
    write_picture(CHART, figures.picture, tmp_path / "curve", endings=[kind])
    assert file.read_bytes() == sound and len(drawn) == 3


def test_other_code_or_libraries_draw_again(tmp_path, drawn, monkeypatch):
    """A version of matplotlib or of the functions that draw is part of the origin, and so is the function."""
    write_picture(CHART, figures.picture, tmp_path / "curve", endings=["png"])
    write_picture(CHART, figures.small_histogram, tmp_path / "curve", endings=["png"])
    monkeypatch.setattr(picture_files, "code", lambda: "another version")
    write_picture(CHART, figures.small_histogram, tmp_path / "curve", endings=["png"])
    assert len(drawn) == 3
