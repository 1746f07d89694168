"""Names of predictors: which are valid, and which look so much like another one's that readers or files would mix them up.

    name_problem("mine"), name_problem("SSIM")      # "", "'SSIM' looks like that of the predictor ssim"

Names are plain ASCII, so that no letter of another script looks like one of theirs.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path

from benchmark.core.errors import PredictorError
from benchmark.core.files import file_name
from benchmark.plugins.predictors.informed import INFORMED
from benchmark.plugins.registry import extensions

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
VALID = "up to 64 letters, digits, `_`, `.` and `-`, the first a letter, digit or `_`"
ADAPTERS = {"iqa": ("baselines.adapters.iqa", "piq"), "ood": ("baselines.adapters.ood", "pytorch-ood")}
"""Libraries whose parts are predictors, named as `iqa:ms_ssim`: by prefix, the module that adapts it and its package."""
LOOK_ALIKES = str.maketrans({"1": "l", "i": "l", "0": "o", "m": "rn", "w": "vv", "_": "-", ".": "-"})
"""Characters of names in small letters, and what they are taken for, capital I included."""


def predictor_names() -> list[str]:
    """The names of the baselines that come with the package."""
    return sorted(path.stem for path in baselines_folder().glob("[a-z]*.py"))


def baselines_folder() -> Path:
    """The folder of the baselines."""
    spec = importlib.util.find_spec("baselines")
    if spec is None or spec.origin is None:
        raise PredictorError("the package `baselines` is not installed; pip install utilbench installs it")
    return Path(spec.origin).parent


def skeleton(name: str) -> str:
    """What names that look alike, or that give the same file on some system, have in common.

    Examples:
        >>> skeleton("iqa:MS_SSIM"), skeleton("RESNETI8")
        ('lqa-rns-sslrn', 'resnetl8')
    """
    return file_name(name).casefold().translate(LOOK_ALIKES)


def name_problem(name: str, *, packages: Iterable[str] | None = None, others: Iterable[str] = ()) -> str:
    """The error in the name of a stranger's predictor, without its subject, or an empty text.

    Args:
        name: the name.
        packages: names that installed packages give to predictors; by default all that there are.
        others: further names that are taken.
    """
    if not NAME.fullmatch(name):
        return f"{name!r:.80} is not valid; valid are {VALID}"
    own = [*predictor_names(), *INFORMED]
    packages = extensions("predictors", own=own) if packages is None else packages
    for other in [*own, *packages, *others]:
        if name == other:
            return f"{name!r} is that of another predictor; choose one of your own"
        if skeleton(name) == skeleton(other):
            return f"{name!r} looks like that of another predictor, {other}; choose one of your own"
    for prefix in ADAPTERS:
        if skeleton(name).startswith(skeleton(f"{prefix}:")):
            return f"{name!r} looks like that of another predictor, one of {prefix}:...; choose one of your own"
    return ""
