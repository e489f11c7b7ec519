"""How long cold processes take, beside what they may take: run by `make times`, a measurement and not a test.

Medians of several runs, the commands interleaved, so that a machine that is busy for a while slows all of them alike.
"""

import statistics
import subprocess
import sys
import time

RUNS = 7
GRUSYM = [sys.executable, "-m", "grusym"]
COMMANDS = {
    "python (nothing)": ([sys.executable, "-c", ""], None),
    "import grusym": ([sys.executable, "-c", "import grusym"], 0.060),  # besides Python's own start
    "grusym --help": ([*GRUSYM, "--help"], 0.4),
    "grusym generate c gru": ([*GRUSYM, "generate", "c", "gru"], 1.5),
    "grusym generate c lstm --dtype float64": ([*GRUSYM, "generate", "c", "lstm", "--dtype", "float64"], 1.5),
}


def seconds(command: list[str]) -> float:
    """Wall time of one cold process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, (command, _) in COMMANDS.items():
            taken[name].append(seconds(command))
    start = statistics.median(taken["python (nothing)"])
    print(f"{'cold process':40} {'median':>8} {'best':>8} {'may take':>9}")
    for name, (_, bar) in COMMANDS.items():
        own = start if name == "import grusym" else 0.0
        median, best = statistics.median(taken[name]) - own, min(taken[name]) - own
        print(f"{name:40} {median:7.3f}s {best:7.3f}s {f'{bar:8.3f}s' if bar else '':>9}")


if __name__ == "__main__":
    main()
