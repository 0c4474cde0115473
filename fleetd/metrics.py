"""What this daemon counts, under the names of fleet 1.0 where it had some (`spec/api-v1.md` §13)."""

import asyncio
import os
import resource
from collections.abc import Callable, Mapping
from pathlib import Path

from fleetd import meters
from fleetd.meters import LONG, Counter, Gauge, Histogram, Labels, Meter

PLAIN = "text/plain; version=0.0.4"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_TICKS = os.sysconf("SC_CLK_TCK")


class _OfEngine:
    """What becomes of units."""

    def __init__(self) -> None:
        self.leader_since = 0.0
        """When this daemon became the leading engine, in seconds since the epoch; 0 if it never did."""
        self.engine_tasks = Counter(
            "fleet_engine_task_count_total", "Scheduling tasks that were carried out.", ("type",)
        )
        self.engine_task_failures = Counter(
            "fleet_engine_task_failure_count_total", "Scheduling tasks that failed.", ("type",)
        )
        self.engine_reconciles = Counter("fleet_engine_reconcile_count_total", "Passes of the engine.")
        self.engine_failures = Counter(
            "fleet_engine_reconcile_failure_count_total", "Decisions that could not be met.", ("type",)
        )
        self.submit_to_start = Histogram(
            "fleet_unit_submit_to_start_seconds",
            "From a launch that this daemon was asked for until systemd said that the unit is active.",
            bounds=LONG,
        )
        self.loss_to_restart = Histogram(
            "fleet_unit_loss_to_restart_seconds",
            "From the loss of a machine until a unit of it was active elsewhere, seen by the leader.",
            bounds=LONG,
        )


class Metrics(_OfEngine):
    """One attribute for each family that is counted; gauges are added by who knows what they show."""

    def __init__(self) -> None:
        super().__init__()
        self.registry_calls = Counter(
            "fleet_registry_operation_count_total", "Calls of the registry.", ("type",)
        )
        self.registry_failures = Counter(
            "fleet_registry_operation_failed_count_total", "Calls of the registry that failed.", ("type",)
        )
        self.registry_seconds = Histogram(
            "fleet_registry_operation_duration_seconds", "How long calls of the registry took.", ("type",)
        )
        self.host_calls = Counter("fleet_agent_task_count_total", "Tasks for systemd.", ("type",))
        self.host_failures = Counter(
            "fleet_agent_task_failure_count_total", "Tasks for systemd that failed.", ("type",)
        )
        self.host_seconds = Histogram(
            "fleet_agent_task_duration_seconds", "How long systemd took, over D-Bus.", ("type",), LONG
        )
        self.requests = Counter(
            "fleet_api_requests_total", "Requests that were answered.", ("code", "handler", "method")
        )
        self.scrapes = Counter(
            "http_requests_total", "Requests of these metrics.", ("code", "handler", "method")
        )
        self.request_seconds = Histogram(
            "fleet_api_request_duration_seconds", "How long answers took.", ("handler",)
        )
        self._gauges: list[Gauge] = []

    def show(self, name: str, about: str, read: Callable[[], Mapping[Labels, float]], *labels: str) -> None:
        """Show what is looked up whenever somebody asks."""
        self._gauges.append(Gauge(name, about, read, labels))

    def families(self) -> list[Meter]:
        """Those that are counted, then the gauges."""
        since = _gauge("fleet_engine_leader_start_time", "When this daemon began to lead.", self.leader_since)
        counted = [meter for meter in vars(self).values() if isinstance(meter, Counter | Histogram)]
        return [since, *counted, *self._gauges]


async def exposition(metrics: Metrics, *, openmetrics: bool = False) -> bytes:
    """All of them, and those of this process, as they are now."""
    of_process = await asyncio.to_thread(_process)
    return meters.text([*metrics.families(), *of_process], openmetrics=openmetrics).encode()


def _process() -> list[Meter]:
    # The second field may hold blanks and brackets: what follows the last bracket is regular.
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    cpu = Counter("process_cpu_seconds_total", "User and system CPU time spent.")
    cpu.add(by=(int(stat[11]) + int(stat[12])) / _TICKS)
    started = _booted() + int(stat[19]) / _TICKS
    open_fds = sum(1 for _ in Path("/proc/self/fd").iterdir())
    resident = int(stat[21]) * resource.getpagesize()
    return [
        cpu,
        _gauge("process_max_fds", "Most descriptors that may be open.", _most_descriptors()),
        _gauge("process_open_fds", "Open file descriptors.", open_fds),
        _gauge("process_resident_memory_bytes", "Resident memory.", resident),
        _gauge("process_start_time_seconds", "Start, in seconds since the epoch.", started),
        _gauge("process_virtual_memory_bytes", "Virtual memory.", int(stat[20])),
    ]


def _gauge(name: str, about: str, value: float) -> Gauge:
    return Gauge(name, about, lambda: {(): value})


def _most_descriptors() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _booted() -> float:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    return 0.0
