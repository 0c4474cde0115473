"""Counters, gauges and histograms, and their text form for Prometheus. Nothing here knows what is counted.

Rule 1: counting is an addition in memory; the text is made when somebody asks for it.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Labels = tuple[str, ...]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LONG = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper bounds of buckets, in seconds."""


class Meter(Protocol):
    """One family of samples."""

    name: str
    about: str
    kind: str

    def samples(self) -> Iterator[tuple[str, float]]:
        """Each sample: what follows the name of the family, and the value."""


@dataclass(slots=True)
class Counter:
    """What only grows, for each combination of labels that has been used."""

    name: str
    about: str
    labels: Labels = ()
    kind: str = "counter"
    _counts: dict[Labels, float] = field(default_factory=dict)

    def add(self, *values: str, by: float = 1) -> None:
        """Count one more."""
        self._counts[values] = self._counts.get(values, 0.0) + by

    def count(self, *values: str) -> float:
        """How many there were."""
        return self._counts.get(values, 0.0)

    def samples(self) -> Iterator[tuple[str, float]]:
        """See Meter. One without labels is there from the first moment on."""
        counts = self._counts or ({} if self.labels else {(): 0.0})
        for values, count in sorted(counts.items()):
            yield labelled(self.labels, values), count


@dataclass(slots=True)
class Gauge:
    """What is looked up at the moment somebody asks: a value for each combination of labels."""

    name: str
    about: str
    read: Callable[[], Mapping[Labels, float]]
    labels: Labels = ()
    kind: str = "gauge"

    def samples(self) -> Iterator[tuple[str, float]]:
        """See Meter."""
        for values, value in sorted(self.read().items()):
            yield labelled(self.labels, values), value


@dataclass(slots=True)
class _Series:
    buckets: list[int]
    total: float = 0.0


@dataclass(slots=True)
class Histogram:
    """How long things took, in seconds."""

    name: str
    about: str
    labels: Labels = ()
    bounds: Sequence[float] = SECONDS
    kind: str = "histogram"
    _series: dict[Labels, _Series] = field(default_factory=dict)

    def note(self, seconds: float, *values: str) -> None:
        """One more took so long."""
        series = self._series.get(values)
        if series is None:
            series = self._series[values] = _Series([0] * (len(self.bounds) + 1))
        series.buckets[bisect_left(self.bounds, seconds)] += 1
        series.total += seconds

    def samples(self) -> Iterator[tuple[str, float]]:
        """See Meter."""
        for values, series in sorted(self._series.items()):
            seen = 0
            for bound, count in zip((*map(_number, self.bounds), "+Inf"), series.buckets, strict=True):
                seen += count
                yield "_bucket" + labelled((*self.labels, "le"), (*values, bound)), seen
            own = labelled(self.labels, values)
            yield f"_sum{own}", series.total
            yield f"_count{own}", seen


def labelled(names: Labels, values: Labels) -> str:
    """`{code="200",method="GET"}`; empty without labels."""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}" if names else ""


def text(meters: Sequence[Meter], *, openmetrics: bool = False) -> str:
    """All of them in the text format of Prometheus, or in that of OpenMetrics."""
    lines: list[str] = []
    for meter in meters:
        family = meter.name.removesuffix("_total") if openmetrics and meter.kind == "counter" else meter.name
        suffix = "_total" if openmetrics and meter.kind == "counter" else ""
        samples = [f"{family}{suffix}{rest} {_number(value)}" for rest, value in meter.samples()]
        if samples:
            lines += (f"# HELP {family} {meter.about}", f"# TYPE {family} {meter.kind}", *samples)
    return "\n".join([*lines, *(["# EOF"] if openmetrics else [])]) + "\n"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
