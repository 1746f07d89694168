"""What a shell completes: names of suites and predictors, and files.

In bash or zsh: `eval "$(register-python-argcomplete utilbench)"`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from argcomplete.completers import BaseCompleter, FilesCompleter

from benchmark import suites as suites_room

FOLDER = Path(suites_room.__file__).parent
"""The suites' files; `suites.loading` would import SciPy, for which no shell should wait."""
SUITES, PREDICTORS = ("suite", "train_on", "what"), ("predictor", "first", "second", "what")
"""Arguments that take names of suites, and of predictors."""


class NamesCompleter(BaseCompleter):
    """Completes names where an argument takes them, and files."""

    def __call__(
        self, *, prefix: str, action: argparse.Action, parser: argparse.ArgumentParser, parsed_args: Any
    ) -> list[str]:
        """The values of an argument that begin like this."""
        from benchmark.plugins.predictors.names import predictor_names

        suites = [path.stem for path in FOLDER.glob("*.toml")] if action.dest in SUITES else []
        names = sorted(suites) + (predictor_names() if action.dest in PREDICTORS else [])
        return [name for name in names if name.startswith(prefix)] + list(FilesCompleter()(prefix))
