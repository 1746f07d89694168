"""The templates of all pages, and the scripts and styles that pages share."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from benchmark.core.files import write_text
from benchmark.core.markdown import milliseconds, number
from benchmark.core.messages import printable
from benchmark.suites.results_folder import assets_folder

TEMPLATES = Path(__file__).parent / "templates"
"""Folder of the templates, the style and the script."""


def shown(value: Any) -> Any:
    """A value that a template inserts, texts in one line of printable characters; what is HTML already stays as it is."""
    return printable(value) if type(value) is str else value


def with_code(text: str) -> Markup:
    """A docstring's paragraph as HTML, with what stands in backticks as code.

    Examples:
        >>> with_code("`a < b` is <not> run")
        Markup('<code>a &lt; b</code> is &lt;not&gt; run')
    """
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(printable(text)))))


@functools.cache
def templates() -> jinja2.Environment:
    """The environment of the templates, in which all inserted values are escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, finalize=shown,
    )  # fmt: skip
    environment.filters |= {"number": number, "milliseconds": milliseconds, "with_code": with_code}
    return environment


def write(path: Path, template: str, **context: Any) -> Path:
    """Write a template that is filled in with these values; returns the path."""
    write_text(path, templates().get_template(template).render(**context))
    return path


def write_assets(results: Path) -> None:
    """Write results/assets, the scripts of plotly and itables, once for all pages."""
    import base64
    import importlib.resources

    from plotly.offline import get_plotlyjs

    bundle = importlib.resources.files("itables") / "html"
    code, style = (base64.b64encode((bundle / f"dt_bundle.{end}").read_bytes()).decode() for end in ("js", "css"))
    texts = {
        "plotly.min.js": get_plotlyjs(),
        "itables.js": f'window.itablesCode = "{code}";\nwindow.itablesStyle = "{style}";\n',
        **{name: (TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.css", "page.js")},
    }
    for name, text in texts.items():
        path = assets_folder(results) / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)
