"""The page: a thin layer of Gradio around `examine`. Gradio is imported only when the page is built."""

from __future__ import annotations

import importlib
import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmark.advice.conditions import levels_of
from benchmark.app.boards import Board
from benchmark.app.examination import examine
from benchmark.app.records import LARGEST_FILE, MOST_PIXELS, Examination, Judges, Photograph, read_photograph
from benchmark.app.view import examination_html, message_html
from benchmark.core.errors import BenchmarkError, PluginError
from benchmark.core.files import file_errors
from benchmark.core.messages import printable
from benchmark.core.types import Condition
from benchmark.plugins.distortions import find_distortion

logger = logging.getLogger(__name__)
TITLE = "Is a compressed photograph still useful to a machine?"
EMPTY = '<p class="empty">Drop a photograph to see what networks and predictors say of it.</p>'
NO_BOARDS = "There is no board yet: `utilbench run` judges predictors, `utilbench rank` writes their boards."


@dataclass(frozen=True, eq=False)
class Session:
    """What is kept in memory for one browser tab."""

    photograph: Photograph
    examination: Examination | None = None
    """The last one."""


@dataclass(frozen=True, eq=False)
class Service:
    """Whom all tabs ask, and what is kept of each."""

    judges: Judges
    suite: str
    """The suite of the predictors."""
    sessions: dict[str, Session] = field(default_factory=dict)
    """By the tab's number, which Gradio draws at random."""

    def forget(self, tab: str) -> None:
        """Forget the photograph of a tab that was closed, even if it is being examined still."""
        if self.sessions.pop(tab, None):
            logger.info("a page was closed; its photograph is forgotten")


def import_gradio(folder: Path) -> ModuleType:
    """Gradio, which counts no uses and keeps uploads in this folder.

    Raises:
        PluginError: it is not installed, or too old.
    """
    os.environ |= {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": str(folder),
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    try:
        gradio = importlib.import_module("gradio")
    except ImportError as error:
        raise PluginError(f"the app needs Gradio ({error}); pip install 'utilbench[app]'") from error
    if int(gradio.__version__.partition(".")[0]) < 6:
        raise PluginError(f"the app needs Gradio 6, and this is {gradio.__version__}; pip install 'utilbench[app]'")
    return gradio


def first_level(codec: str) -> int:
    """The level at which a codec is first shown: the middle one of those that `advise` tries."""
    levels = levels_of(codec, "")
    return levels[len(levels) // 2]


def take(upload: str, folder: Path) -> Photograph:
    """Decode an uploaded file, and remove it, whatever it is.

    Raises:
        DataError: it is no image, or too large.
    """
    path = Path(upload)
    try:
        with file_errors(path):
            data = path.read_bytes()
    finally:
        if path.is_relative_to(folder) and path.parent != folder:
            shutil.rmtree(path.parent, ignore_errors=True)
    return read_photograph(data, printable(path.name))


def look(service: Service, tab: str, codec: str, level: float | None, progress: Any) -> tuple[str, str]:
    """A message and the result after a look at a tab's photograph at this level; either may be empty."""
    session = service.sessions.get(tab)
    if session is None:
        return "", EMPTY
    try:
        examination = examine(
            session.photograph,
            Condition(codec, -1 if level is None else round(level)),
            service.judges,
            earlier=session.examination,
            report=lambda done, count, text: progress((done, count), desc=text, unit="levels"),
        )
        if tab in service.sessions:
            service.sessions[tab] = Session(session.photograph, examination)
        return "", examination_html(examination, service.suite)
    except BenchmarkError as error:
        return message_html(str(error)), ""
    except MemoryError:
        name = session.photograph.name
        return message_html(f"{name}: this machine has not enough memory for it; try a smaller one"), ""


def build(judges: Judges, suite: str, codecs: Sequence[str], boards: Sequence[Board], folder: Path) -> Any:
    """The page, as Gradio's Blocks.

    Args:
        judges: the networks and predictors that are asked.
        suite: the suite of the predictors.
        codecs: names of the codecs that may be chosen.
        boards: the boards of the second tab.
        folder: where Gradio keeps uploads until they are read.
    """
    gradio, service = import_gradio(folder), Service(judges, suite)
    progress = gradio.Progress()

    def change(codec: str, level: float | None, request: Any, progress: Any = progress) -> Any:
        return look(service, request.session_hash, codec, level, progress)

    def change_codec(codec: str, request: Any, progress: Any = progress) -> Any:
        levels, level = find_distortion(codec).levels, first_level(codec)
        slider = gradio.Slider(minimum=levels[0], maximum=levels[-1], value=level)
        return slider, *look(service, request.session_hash, codec, level, progress)

    def upload(file: str, codec: str, level: float | None, request: Any, progress: Any = progress) -> Any:
        service.sessions.pop(request.session_hash, None)
        try:
            service.sessions[request.session_hash] = Session(take(file, folder))
        except BenchmarkError as error:
            return None, message_html(str(error)), ""
        return None, *look(service, request.session_hash, codec, level, progress)

    def close(request: Any) -> None:
        service.forget(request.session_hash)

    for function in (change, change_codec, upload, close):
        function.__annotations__["request"] = gradio.Request  # by which Gradio knows that it is to pass the request

    with gradio.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        gradio.Markdown(f"# {TITLE}")
        with gradio.Tab("Your photograph"), gradio.Row():
            with gradio.Column(scale=1, min_width=260):
                file = gradio.File(label="Photograph", height=170, elem_id="photograph")
                codec = gradio.Dropdown(list(codecs), value=codecs[0], label="Codec", elem_id="codec")
                levels = find_distortion(codecs[0]).levels
                level = gradio.Slider(
                    levels[0], levels[-1], value=first_level(codecs[0]), step=1, label="Level", elem_id="level"
                )
                gradio.Markdown(explanation(judges, suite))
            with gradio.Column(scale=4, min_width=480):
                message = gradio.HTML("", elem_id="message")
                result = gradio.HTML(EMPTY, elem_id="result")
        with gradio.Tab("Boards"):
            board_tab(gradio, boards)
        shown = [message, result]
        options = {"api_visibility": "private", "show_progress_on": result}
        file.upload(upload, [file, codec, level], [file, *shown], **options)
        codec.input(change_codec, codec, [level, *shown], **options)
        level.release(change, [codec, level], shown, trigger_mode="always_last", **options)
        page.unload(close)
    return page.queue(default_concurrency_limit=1)


def explanation(judges: Judges, suite: str) -> str:
    """What is asked, what is taken and what is kept, as Markdown."""
    networks = ", ".join(f"`{network.name}`" for network in judges.networks)
    predictors = ", ".join(f"`{predictor.name}`" for predictor in judges.predictors) or "none is ready"
    return (
        f"A higher level means a better image and more bytes.\n\n**Networks:** {networks}\n\n"
        f"**Predictors** of `{suite}`: {predictors}\n\n"
        f"Photographs of at most {LARGEST_FILE} MB and {MOST_PIXELS} megapixels are taken. All is computed on this machine: "
        "the file is deleted as soon as it is read, and the photograph is forgotten when this page is closed."
    )


def board_tab(gradio: Any, boards: Sequence[Board]) -> None:
    """The choice of a board, the board, and a link to its web page."""
    if not boards:
        gradio.Markdown(NO_BOARDS)
        return
    named = {board.name: board for board in boards}

    def show(name: str) -> tuple[str, str]:
        try:
            return link(named[name]), named[name].text
        except BenchmarkError as error:
            return message_html(str(error)), ""

    choice = gradio.Dropdown(list(named), value=boards[0].name, label="Board", elem_id="board")
    address = gradio.HTML(link(boards[0]), elem_id="board-page")
    text = gradio.Markdown(show(boards[0].name)[1], latex_delimiters=[], elem_classes="board", elem_id="board-text")
    choice.input(show, choice, [address, text], api_visibility="private")


def link(board: Board) -> str:
    """The link to a board's web page, where `rank` has made one."""
    if not board.page:
        return (
            '<p class="quiet"><code>utilbench rank</code> also makes web pages with plots, into the results folder.</p>'
        )
    return f'<p><a href="/pages/{board.page}" target="_blank" rel="noopener">Web page with plots</a></p>'
