"""Files of drawn charts, PNG and SVG. Each says what it was drawn from, and is drawn again only where that has changed.

    write_picture(chart, draw, folder / "figure_1")    # figure_1.png and figure_1.svg, without dates

Drawing takes longer than all else of a leaderboard. The same chart gives the same bytes, drawn again or not.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import msgspec
import PIL
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from benchmark.core.digests import digest
from benchmark.core.files import file_errors, write_bytes
from benchmark.core.pictures import STYLE
from benchmark.leaderboard.chart_parts import Chart

mpl.use("Agg")
from matplotlib import pyplot as plt

KEY = "utilbench"
"""What precedes, in a file, the digest of what it was drawn from."""
DPI = 160


def write_picture(
    chart: Chart, draw: Callable[[Chart], Any], path: Path, *, endings: Sequence[str] = ("png", "svg")
) -> list[Path]:
    """Write a chart to this path with each of the endings, unless the files that are there are of it; returns the files.

    Args:
        chart: what is drawn.
        draw: draws it as a figure of matplotlib; a function of `leaderboard.figures`.
        path: the files' path without ending.
        endings: `png`, `svg` or both.

    Raises:
        FileError: a file cannot be read or written.
    """
    files = [path.with_name(f"{path.name}.{ending}") for ending in endings]
    origin = digest(msgspec.json.encode(chart, enc_hook=as_list), draw.__name__, code())
    if any(origin_of(file) != origin for file in files):
        with mpl.rc_context(rc=STYLE):  # type: ignore[arg-type] # the stubs type the keys as literals
            figure = draw(chart)
            with mpl.rc_context(rc={"figure.constrained_layout.use": False}):  # or saving would lay it out once more
                lay_out(figure)
                for file in files:
                    write_bytes(file, png(figure, origin) if file.suffix == ".png" else svg(figure, origin))
            plt.close(figure)
    return files


def as_list(values: Any) -> list[Any]:
    """An array of a chart as JSON holds it."""
    listed: list[Any] = values.tolist()
    return listed


@functools.cache
def code() -> str:
    """Digest of what turns a chart into a file: the functions that draw, the style, and the versions of the libraries."""
    own = [
        Path(__file__).with_name(name).read_bytes() for name in ("figures.py", "chart_parts.py", Path(__file__).name)
    ]
    return digest(*own, repr(STYLE), mpl.__version__, PIL.__version__)


def lay_out(figure: Any) -> None:
    """Fix the layout of a figure, which with an engine of layout would be drawn twice for each file."""
    figure.set_dpi(DPI)
    if engine := figure.get_layout_engine():
        engine.execute(figure)
    figure.set_layout_engine(None)


def png(figure: Any, origin: str) -> bytes:
    """A figure as a PNG with 256 colours, which is enough for lines and letters and takes a third of the bytes."""
    drawn, stored, about = io.BytesIO(), io.BytesIO(), PngInfo()
    figure.savefig(drawn, format="png", dpi=DPI, pil_kwargs={"compress_level": 0})
    about.add_text(KEY, origin)
    with Image.open(drawn) as picture:
        few = picture.convert("RGB").quantize(dither=Image.Dither.NONE)
    few.save(stored, "png", optimize=True, pnginfo=about)
    return stored.getvalue()


def svg(figure: Any, origin: str) -> bytes:
    """A figure as an SVG that ends with its origin and a checksum of all that stands before."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue() + f"<!-- {KEY} {origin} {digest(drawn.getvalue())} -->\n".encode()


def origin_of(file: Path) -> str:
    """The digest of what a file was drawn from; empty where there is no file, or it is damaged or was not drawn here."""
    with file_errors(file):
        data = file.read_bytes() if file.is_file() else b""
    if file.suffix == ".svg":
        drawn, _, end = data.rpartition(f"<!-- {KEY} ".encode())
        origin, _, checksum = end.decode(errors="replace").removesuffix(" -->\n").partition(" ")
        return origin if checksum == digest(drawn) else ""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            origin = picture.info.get(KEY, "")
            picture.verify()
    except Exception:  # damaged files make Pillow raise many types
        return ""
    return origin
