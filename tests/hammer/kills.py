"""Kills at random moments, one after the other; then the same command must end as if nothing had been."""

import shutil

from tests.hammer.command import Command
from tests.hammer.ground import content
from tests.hammer.report import Try

MOST = 3
"""Most kills in a row."""


def kill(ground, draw):
    """Kill a command up to MOST times, look at what lies there under its final name, and run it to its end."""
    name = draw.choice(list(ground.verbs))
    verb = ground.verbs[name]
    folder, moments, faults = ground.copy(verb.stage), [], []
    before = {path: content(folder / path) for path in paths(folder)}
    for _ in range(draw.randint(1, MOST)):
        moments.append(round(draw.uniform(0, 1.1 * verb.seconds), 3))
        command = Command(verb.arguments, folder)
        command.process.join(moments[-1])
        command.process.kill()
        command.wait()
        faults += half_written(verb, folder, before)
    faults += ground.again(name, folder)
    shutil.rmtree(folder)
    return [Try(f"{name} killed after {', '.join(map(str, moments))} s", faults)]


def paths(folder):
    """The paths of all files below a folder, relative to it."""
    return [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file()]


def half_written(verb, folder, before):
    """Files under their final names that are neither those of before nor those of the undisturbed run."""
    faults = []
    for path in paths(folder):
        if path.endswith(".tmp"):
            continue
        try:
            data = content(folder / path)
        except Exception as error:
            faults.append(f"{path} cannot be read after the kill: {error}")
            continue
        if data not in (before.get(path), verb.files.get(path)):
            faults.append(f"{path} is neither that of before nor the whole one after the kill")
    return faults
