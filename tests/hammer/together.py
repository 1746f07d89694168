"""Several processes at once in the same folders: all succeed, and leave what one of them would have left."""

import shutil

from tests.hammer.command import Command, faults_of_success
from tests.hammer.ground import contents, differences
from tests.hammer.report import Try


def together(ground, draw):
    """Start two or four processes of a command in one folder, a moment apart."""
    name, count = draw.choice(list(ground.verbs)), draw.choice([2, 4])
    verb = ground.verbs[name]
    folder, commands, gaps = ground.copy(verb.stage), [], []
    for _ in range(count):
        commands.append(Command(verb.arguments, folder))
        gaps.append(round(draw.choice([0, draw.uniform(0, verb.seconds)]), 3))
        commands[-1].process.join(gaps[-1])
    ended = [command.wait() for command in commands]
    faults = [fault for one in ended for fault in faults_of_success(one)]
    faults += differences(verb.files, contents(folder))
    faults += [
        f"prints another text: {one.output[-200:]!r}" for one in ended if one.output != verb.output and not faults
    ]
    shutil.rmtree(folder)
    return [Try(f"{count} times {name}, {', '.join(map(str, gaps))} s apart", faults)]
