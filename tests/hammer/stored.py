"""Damaged stored files, each read by a random verb: refused by name, or the same bytes follow as without damage."""

import json
import shutil

from tests.hammer.command import faults_of_refusal, run
from tests.hammer.ground import contents, differences
from tests.hammer.mutations import damaged_bytes, damaged_tree, dumped
from tests.hammer.report import Try

READING = ("label again", "run again", "rank", "score", "compare", "recompute", "verify again", "export again")


def stored(ground, draw):
    """Damage a file of the results or the cache, and let a verb read it."""
    name = draw.choice(READING)
    verb, folder = ground.verbs[name], ground.copy("judged")
    path = draw.choice([path for path in sorted(folder.rglob("*")) if path.is_file()])
    before = path.read_bytes()
    after = spoilt(draw, path, before)
    path.write_bytes(after)
    own, title = str(path.relative_to(folder)), f"{name}, {path.relative_to(folder)} {how(before, after)}"
    ended = run(verb.arguments, folder)
    overwritten = own.startswith("results/") and path.is_file() and path.read_bytes() not in (after, before)
    if ended.status == 0:
        faults = faults_of_success(verb, ended, folder, own)
    elif name in ("recompute", "verify again"):
        faults = faults_of_checks(ended, path)
    else:
        faults = faults_of_refusal(ended, path.name, path.stem, "small")
    if overwritten:
        faults.append("the damaged result was overwritten")
    shutil.rmtree(folder)
    return [Try(title, faults)]


def spoilt(draw, path, data):
    """The bytes of a file with damage of one kind or another."""
    if path.suffix == ".json" and draw.random() < 0.6:
        tree = json.loads(data)
        return dumped(damaged_tree(draw, tree)).encode()
    return damaged_bytes(draw, data)


def how(before, after):
    """What was done to a file, in short."""
    first = next((offset for offset, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), None)
    offset = min(len(before), len(after)) if first is None else first
    return f"from {before[offset : offset + 24]!r} to {after[offset : offset + 24]!r} at {offset}, {len(after)} bytes"


def faults_of_success(verb, ended, folder, own):
    """What is wrong with a verb that succeeded: it printed another text, or other files differ from those of no damage."""
    if ended.output != verb.output and "warning" not in ended.errors:
        return [f"prints another text: {ended.output[-300:]!r}"]
    (folder / own).unlink(missing_ok=True)
    expected = {name: data for name, data in verb.files.items() if name != own}
    return differences(expected, contents(folder))


def faults_of_checks(ended, path):
    """What is wrong with failed checks: the file is named neither there nor in the refusal."""
    faults = faults_of_refusal(ended)
    if (
        path.stem.split("@")[0] not in ended.output + ended.errors
        and path.parent.name not in ended.output + ended.errors
    ):
        faults.append(f"names no {path.name}: {(ended.output + ended.errors)[-300:]!r}")
    return faults
