"""The process of a stranger's predictor: what it may see and use.

With bubblewrap (`apt-get install bubblewrap`, https://github.com/containers/bubblewrap) it has no network and sees no other
processes; all files are read-only; results, cache, photographs, /run and /tmp are hidden. What lies elsewhere on the machine,
such as a copy of the results, can still be read. Without bubblewrap it is an ordinary process of the user, and a warning says
so. Memory is limited in either case, where the system supports it.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from benchmark.core.messages import clean_line
from benchmark.core.workspace import published_results

logger = logging.getLogger(__name__)
Sandbox = Literal["none", "process", "bubblewrap"]
"""How a predictor is run: in this process, in another one, or in another one inside bubblewrap."""
BARE = (
    "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
    "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
)  # fmt: skip
EMPTY = ("/tmp", "/run")
"""Folders that hold other programs' sockets and files; the child has its own, which are empty."""
ACCELERATORS = ("nvidia*", "dri", "kfd")
"""Devices below /dev."""
SECRET = re.compile(r"^(UTILBENCH|AWS)_|TOKEN|SECRET|PASSWORD|CREDENTIAL|API_?KEY")
"""Environment variables that a child does not get."""
MEMORY_SHARE = 0.75
"""Largest share of the machine's memory that one process of a predictor may allocate."""
PR_SET_PDEATHSIG = 1


@functools.cache
def sandbox_kind() -> Sandbox:
    """How strangers' predictors are run on this machine; a warning, given once, says what that does not prevent."""
    reason = obstacle()
    if not reason:
        return "bubblewrap"
    logger.warning(
        f"predictors from files and other packages run in a process of their own, but not inside bubblewrap ({reason}): "
        f"nothing keeps them from the network, from writing files, and from reading results and cache"
    )
    return "process"


def obstacle() -> str:
    """The reason why bubblewrap cannot be used, or an empty text."""
    if shutil.which("bwrap") is None:
        return "it is not installed"
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return "several processes train together, over the network"
    attempt = subprocess.run([*BARE, "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return clean_line(attempt.stderr) or f"it ends with status {attempt.returncode}" if attempt.returncode else ""


def sandboxed(arguments: list[str], *, hidden: Iterable[Path], shown: Iterable[Path], device: str) -> list[str]:
    """The command that runs a command in the sandbox of this machine.

    Args:
        arguments: the command.
        hidden: folders that it must not read.
        shown: files and folders that it needs, such as the predictor's own.
        device: the device that it computes on.
    """
    if sandbox_kind() != "bubblewrap":
        return arguments
    patterns = () if device == "cpu" else ACCELERATORS
    nodes = [str(node) for pattern in patterns for node in sorted(Path("/dev").glob(pattern))]
    devices = [option for node in nodes for option in ("--dev-bind", node, node)]
    return [*BARE, *devices, *mounts([*hidden, *own_secrets()], [*shown, *interpreter()]), "--", *arguments]


def own_secrets() -> list[Path]:
    """What always stays hidden: the published results, and the history of a checkout, which holds them too."""
    published = published_results()
    return [*map(Path, EMPTY), published, published.parent / ".git"]


def interpreter() -> list[Path]:
    """What a Python process like this one reads: its installation and packages."""
    names = [sys.prefix, sys.base_prefix, *sys.path]
    return [Path(name).absolute() for name in names if name]


def mounts(hidden: Iterable[Path], shown: Iterable[Path]) -> list[str]:
    """The options that hide folders and show what lies in them.

    A path below another one wins over it; a path that is both is hidden.

    Examples:
        >>> mounts([Path("/usr/share")], [Path("/usr/share/doc"), Path("/usr/bin")])
        ['--tmpfs', '/usr/share', '--ro-bind', '/usr/share/doc', '/usr/share/doc']
    """
    hides = {path.resolve() for path in hidden if path.is_dir()}
    shows = {form for path in shown if path.exists() for form in (path.absolute(), path.resolve())} - hides
    options: list[str] = []
    for path in sorted(hides | shows, key=lambda path: (len(path.parts), path)):
        if path in hides:
            options += ["--tmpfs", str(path)]
        elif hides & set(path.parents):
            options += ["--ro-bind", str(path), str(path)]
    return options


def environment() -> dict[str, str]:
    """The environment of the child: that of this process without secrets and folders, and where packages are imported from."""
    kept = {name: value for name, value in os.environ.items() if not SECRET.search(name)}
    kept["PYTHONPATH"] = os.pathsep.join(str(Path(name).absolute()) for name in sys.path)
    return kept | ({"TMPDIR": "/tmp"} if sandbox_kind() == "bubblewrap" else {})


def restrict_process() -> None:
    """Limit what this process, which is a child, may use, and end it when its parent ends, where the system supports that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        memory = int(MEMORY_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        # Not the address space, of which CUDA reserves more than there is memory.
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
