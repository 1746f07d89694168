"""The boards that `rank` wrote, as the app shows them: Markdown of each suite, and web pages where they were made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.files import file_errors
from benchmark.core.workspace import Workspace
from benchmark.suites.results_folder import boards_file, index_page, list_suite_folders, readable_folders

EVERY = "all suites"
"""The name of the board over all suites."""
RELATIVE = re.compile(r"!?\[([^\]]*)\]\((?!https?:)[^)]*\)")
"""A link or picture of Markdown that leads to a file."""


@dataclass(frozen=True)
class Board:
    """One board."""

    name: str
    """Folder of the suite below the results, or EVERY."""
    file: Path
    """Markdown."""
    page: str
    """Path of its web page below the user's own results, or empty where `rank` has made none there."""

    @property
    def text(self) -> str:
        """The board as it is now, as Markdown; links to files beside it, which the app does not serve, become plain text."""
        with file_errors(self.file):
            return RELATIVE.sub(r"\1", self.file.read_text(encoding="utf-8"))


def find_boards(workspace: Workspace) -> list[Board]:
    """All boards of the user's own results, then the published ones that these lack."""
    boards: dict[str, Board] = {}
    for root in (folder.root for folder in readable_folders(workspace, "any")):
        candidates = [(EVERY, boards_file(root), index_page(root))]
        candidates += [(suite.path.name, suite.board, suite.page) for suite in list_suite_folders(root)]
        for name, file, page in candidates:
            if file.is_file():
                boards.setdefault(name, Board(name, file, page_address(page, workspace)))
    return list(boards.values())


def page_address(page: Path, workspace: Workspace) -> str:
    """The path of a page below the user's own results; empty where it is not there."""
    root = workspace.results
    return page.relative_to(root).as_posix() if page.is_relative_to(root) and page.is_file() else ""
