"""Folders that cannot be written: full, without inodes, read-only, a file in the way; and afterwards the same bytes."""

import os
import resource
import shutil
import subprocess
import sys

from tests.hammer.command import faults_of_refusal, run
from tests.hammer.report import Try

MARK = "HAMMER_MOUNTS"
"""Variable that says whether this process may mount."""
WRITING = ("label", "run", "run from nothing", "run a file", "rank", "export", "label in part")
FOLDERS = ("results", "cache", "output")


def privately():
    """Where it is permitted, start the program again in mount names of its own, so that no mount outlives it."""
    if MARK not in os.environ:
        private = ["unshare", "--mount", "--propagation", "private"]
        allowed = shutil.which("unshare") and not subprocess.run([*private, "true"], capture_output=True).returncode
        os.environ[MARK] = "1" if allowed else ""
        if allowed:
            os.execvp("unshare", [*private, sys.executable, "-m", "tests.hammer", *sys.argv[1:]])


def fill(ground, draw):
    """Let a folder refuse in one of the ways that this machine has; then let it, and run the command to its end."""
    ways = [blocked, *([full, without_inodes, read_only] if os.environ.get(MARK) else [limited])]
    name, way = draw.choice(WRITING), draw.choice(ways)
    verb = ground.verbs[name]
    touched = [folder for folder in FOLDERS if any(path.startswith(f"{folder}/") for path in verb.files)]
    folder, spoilt = ground.copy(verb.stage), draw.choice(touched)
    try:
        title, faults = way(ground, verb, folder, spoilt, draw)
        if faults is None:
            return []
        faults = faults or ground.again(name, folder)
    finally:
        subprocess.run(["umount", "--quiet", "--lazy", folder / spoilt], capture_output=True)
        shutil.rmtree(folder)
    return [Try(f"{name}, {spoilt} {title}", faults)]


def refusal(verb, folder, spoilt, *, prepare=None, may_succeed=False):
    """Faults of a refusal that names the folder; a success where that is possible is none."""
    ended = run(verb.arguments, folder, prepare=prepare)
    if may_succeed and ended.status == 0:
        return []
    return faults_of_refusal(ended, spoilt)


def mounted(folder, spoilt, option):
    """Mount a small disk in the position of a folder, with what it holds; whether that fitted."""
    position = folder / spoilt
    position.mkdir(exist_ok=True)
    kept = position.rename(folder / "kept")
    position.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", option, "none", position], check=True)
    try:
        shutil.copytree(kept, position, dirs_exist_ok=True)
    except (OSError, shutil.Error):
        return False
    finally:
        shutil.rmtree(kept)
    return True


def enlarge(folder, spoilt, option):
    """Give a small disk more room, or let it be written."""
    subprocess.run(["mount", "-o", f"remount,{option}", folder / spoilt], check=True)


def full(ground, verb, folder, spoilt, draw):
    """A disk of fewer bytes than the command needs, or hardly enough."""
    last = size(verb, spoilt)
    first = sum(path.stat().st_size for path in (folder / spoilt).rglob("*") if path.is_file()) if last else 0
    room = draw.randint(first, int(1.1 * last) + 8192)
    fits = mounted(folder, spoilt, f"size={room}")
    if not fits:
        return "", None
    faults = refusal(verb, folder, spoilt, may_succeed=True)
    enlarge(folder, spoilt, "size=100m")
    return f"on a disk of {room} bytes", faults


def without_inodes(ground, verb, folder, spoilt, draw):
    """A disk for fewer files than the command writes."""
    present = sum(1 for _ in (folder / spoilt).rglob("*")) if (folder / spoilt).is_dir() else 0
    room = present + 2 + draw.randint(0, 24)
    if not mounted(folder, spoilt, f"size=100m,nr_inodes={room}"):
        return "", None
    faults = refusal(verb, folder, spoilt, may_succeed=True)
    enlarge(folder, spoilt, "nr_inodes=9999")
    return f"on a disk for {room} files", faults


def read_only(ground, verb, folder, spoilt, draw):
    """A disk that cannot be written."""
    if not mounted(folder, spoilt, "size=100m"):
        return "", None
    enlarge(folder, spoilt, "ro")
    faults = refusal(verb, folder, spoilt)
    enlarge(folder, spoilt, "rw")
    return "read-only", faults


def limited(ground, verb, folder, spoilt, draw):
    """A limit of the size of a file, where nothing can be mounted; signs and messages of the command count, too."""
    room = draw.randint(4096, 100_000)
    ended = run(verb.arguments, folder, prepare=Limit(room))
    return f"and all with files of {room} bytes at most", [] if ended.status == 0 else faults_of_refusal(ended)


class Limit:
    """Limits the size of the files that a process writes."""

    def __init__(self, room):
        self.room = room

    def __call__(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.room, self.room))


def blocked(ground, verb, folder, spoilt, draw):
    """A file in the position of a folder that the command writes to, as it is, or in the position of all of them."""
    written = {path.rpartition("/")[0] for path in verb.files if path.startswith(f"{spoilt}/")}
    parts = {"/".join(path.split("/")[: depth + 1]) for path in written for depth in range(path.count("/") + 1)}
    free = sorted(part for part in parts if not (folder / part).exists())
    if not free:
        return "", None
    position = folder / draw.choice(free)
    position.parent.mkdir(parents=True, exist_ok=True)
    position.write_text("in the way")
    faults = refusal(verb, folder, position.name)
    if position.read_text() != "in the way":
        faults.append("the file in the way was changed")
    position.unlink()
    return f"with a file as {position.relative_to(folder)}", faults


def size(verb, spoilt):
    """About how many bytes of a folder a command leaves."""
    return sum(
        len(data) if isinstance(data, bytes) else 4096 for path, data in verb.files.items() if path.startswith(spoilt)
    )
