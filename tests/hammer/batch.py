"""Many small tries in one process, which may end in any way; what it was at is known then."""

import logging
import os
import random
import warnings

from benchmark.core.errors import BenchmarkError
from tests.hammer.command import SERVER
from tests.hammer.report import Try

COUNT = 40
"""Tries of a batch."""
PATIENCE = 120
"""Seconds after which a single try counts as one that does not end."""


def batch(function, ground, draw):
    """Make COUNT tries of a function, which takes a folder of its own, the ground's inputs and a generator, in a process."""
    receiver, sender = SERVER.Pipe(duplex=False)
    folder = ground.copy("empty")
    process = SERVER.Process(target=answer, args=(sender, function, folder, ground.inputs, draw.getrandbits(64)))
    process.start()
    sender.close()
    tries, message = [], ""
    try:
        while receiver.poll(PATIENCE):
            message = receiver.recv()
            tries += [message] if isinstance(message, Try) else []
        tries.append(Try(f"after {message}", [f"did not end in {PATIENCE} s"]))
    except EOFError:
        process.join(PATIENCE)
        if process.exitcode:
            tries.append(Try(f"after {message}", [f"ended its process with {process.exitcode}"]))
    process.kill()
    process.join()
    return tries


def answer(sender, function, folder, inputs, seed):
    """Make the tries, in their process."""
    os.chdir(folder)
    logging.getLogger("benchmark").setLevel(logging.ERROR)
    draw = random.Random(seed)
    for number in range(COUNT):
        own = folder / str(number)
        own.mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            made = function(own, inputs, draw)
        sender.send(made)


def refused_or(title, call, accept, *names):
    """Call a function that must either raise an error of the benchmark, of one line with these names, or pass a check.

    Args:
        title: what is tried.
        call: the function.
        accept: takes the value and returns what is wrong with it, or an empty text.
        names: texts that the message must hold.
    """
    try:
        value = call()
    except BenchmarkError as error:
        message = str(error)
        problem = "" if message.isprintable() else f"no printable line: {message!r:.300}"
        if missing := [name for name in names if name not in message]:
            problem = f"does not name {missing[0]}: {message:.300}"
    except Exception as error:
        problem = f"raises {type(error).__name__}: {error!s:.300}"
    else:
        problem = accept(value)
    return Try(title, [problem] if problem else [])
