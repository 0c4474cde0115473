"""What `/metrics` shows, in the text format of Prometheus.

The counters of the engine are not wired yet: its two unlabelled ones stand at 0, the labelled ones appear
once they are used, as in fleet 1.0.
"""

import os
import resource
from pathlib import Path

CONTENT_TYPE = "text/plain; version=0.0.4"

_TICKS = os.sysconf("SC_CLK_TCK")
_ENGINE = (
    ("fleet_engine_leader_start_time", "gauge", "When this daemon became the leading engine."),
    ("fleet_engine_reconcile_count_total", "counter", "Passes of the engine."),
)


def exposition() -> bytes:
    """The metrics of this process as they are now."""
    lines: list[str] = []
    samples = [(name, kind, about, 0.0) for name, kind, about in _ENGINE]
    for name, kind, about, value in (*samples, *_process()):
        lines += (f"# HELP {name} {about}", f"# TYPE {name} {kind}", f"{name} {value!r}")
    return ("\n".join(lines) + "\n").encode()


def _process() -> list[tuple[str, str, str, float]]:
    # The second field may hold blanks and brackets: what follows the last bracket is regular.
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    cpu, started = (int(stat[11]) + int(stat[12])) / _TICKS, int(stat[19]) / _TICKS
    memory, pages = int(stat[20]), int(stat[21])
    max_fds = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return [
        ("process_cpu_seconds_total", "counter", "User and system CPU time spent.", cpu),
        ("process_max_fds", "gauge", "Most file descriptors that may be open.", max_fds),
        (
            "process_open_fds",
            "gauge",
            "Open file descriptors.",
            sum(1 for _ in Path("/proc/self/fd").iterdir()),
        ),
        ("process_resident_memory_bytes", "gauge", "Resident memory.", pages * resource.getpagesize()),
        ("process_start_time_seconds", "gauge", "Start, in seconds since the epoch.", _booted() + started),
        ("process_virtual_memory_bytes", "gauge", "Virtual memory.", memory),
    ]


def _booted() -> float:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    return 0.0
