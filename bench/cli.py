"""How long a small command takes, whole process, beside a Python that does nothing.

    .venv/bin/python bench/cli.py [ROUNDS]

All take turns in one run, so that a noisy machine is noisy for all: read the ratio.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.fleetctl.small_cluster import small_cluster

FLEETCTL = str(Path(sys.executable).parent / "fleetctl")
WAYS: Mapping[str, Sequence[str]] = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import click'": [sys.executable, "-c", "import click"],
    "fleetctl list-units": [FLEETCTL, "list-units"],
    "fleetctl list-machines -o json": [FLEETCTL, "list-machines", "-o", "json"],
    "fleetctl help": [FLEETCTL, "help"],
    "fleetctl __complete stop w": [FLEETCTL, "__complete", "stop", "w"],
}


def seconds(words: Sequence[str], env: Mapping[str, str]) -> float:
    """How long one run takes."""
    begin = time.perf_counter()
    subprocess.run(words, env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def main(rounds: int) -> None:
    """Take turns, then print."""
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as directory, small_cluster(Path(directory)) as cluster:
        env = {**os.environ, "FLEETCTL_ENDPOINT": cluster.endpoint, "HOME": directory}
        for words in WAYS.values():
            seconds(words, env)  # what is compiled once is not counted
        for _ in range(rounds):
            for name, words in WAYS.items():
                times[name].append(seconds(words, env))
    floor = statistics.median(times["python -c pass"])
    for name, taken in times.items():
        low, middle, high = (q * 1000 for q in statistics.quantiles(taken, n=4))
        print(f"{name:32} {middle:6.0f} ms ({low:.0f}-{high:.0f})   {middle / 1000 / floor:4.1f} x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
