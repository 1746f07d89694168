"""Try every family until its share of the time is up: `python -m tests.hammer`; exits with 1 where something did not hold.

Each try draws from a seed of its own, one more than that of the try before, and a fault is printed with it, so that
`python -m tests.hammer --only FAMILY --seed SEED --minutes 0` runs that try alone.
"""

import argparse
import functools
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.hammer.batch import batch
from tests.hammer.command import MODULES, SERVER
from tests.hammer.disks import fill, privately
from tests.hammer.ground import Ground
from tests.hammer.inputs import INPUTS
from tests.hammer.kills import kill
from tests.hammer.strangers import attack
from tests.hammer.submissions import submission
from tests.hammer.together import together

FAMILIES = {
    "kills": (kill, 6),
    "together": (together, 4),
    "disks": (fill, 4),
    **INPUTS,
    "submissions": (functools.partial(batch, submission), 1),
    "strangers": (attack, 6),
}
"""Family -> the function that makes a try, or a few, from the ground and a random generator, and its share of the time."""


def options():
    """The options of the command line."""
    parser = argparse.ArgumentParser("python -m tests.hammer", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="seed of the first try of each family")
    parser.add_argument("--only", metavar="FAMILY", choices=FAMILIES, help=f"one of {', '.join(FAMILIES)}")
    parser.add_argument(
        "--minutes", type=float, default=25, help="time for all families; at least one try of each is made"
    )
    return parser.parse_args()


def tries_of(family, ground, seed, seconds):
    """Make tries of a family for some seconds, and print what does not hold; returns how many were made and how many held."""
    function, _ = FAMILIES[family]
    made, held, end = 0, 0, time.monotonic() + seconds
    while not made or time.monotonic() < end:
        for one in function(ground, random.Random(f"{family} {seed}")):
            made, held = made + 1, held + (not one.faults)
            for fault in one.faults:
                print(f"{family}, --seed {seed}: {one.title}: {fault}", flush=True)
        seed += 1
    return made, held


def main():
    """Run the families and print the table; returns the exit status."""
    arguments = options()
    SERVER.set_forkserver_preload([*MODULES, "tests.hammer.command", "tests.hammer.inputs", "tests.hammer.submissions"])
    families = [arguments.only] if arguments.only else list(FAMILIES)
    folder, start = Path(tempfile.mkdtemp(prefix="hammer-")), time.monotonic()
    try:
        ground = Ground(folder)
        seconds = 60 * arguments.minutes - (time.monotonic() - start)
        shares = {family: FAMILIES[family][1] for family in families}
        rows = []
        for family in families:
            given = seconds * shares[family] / sum(shares.values())
            rows.append((family, *tries_of(family, ground, arguments.seed, given)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{'family':<14} | {'tried':>6} | {'held':>6}")
    for family, made, held in rows:
        print(f"{family:<14} | {made:>6} | {held:>6}")
    print(f"{(time.monotonic() - start) / 60:.1f} minutes")
    return int(any(made > held for _, made, held in rows))


if __name__ == "__main__":
    privately()
    sys.exit(main())
