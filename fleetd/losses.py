"""How long the units of lost machines are away, as one who sees every picture can tell.

Rule 1: a picture in which nothing was lost and nothing is away costs a comparison.
"""

from collections.abc import Iterator

from registry.records import Picture


class Losses:
    """The units that are away, each since when. Times are in seconds of the loop's clock."""

    def __init__(self, picture: Picture) -> None:
        self._seen = picture
        self._since: dict[str, float] = {}

    def look(self, picture: Picture, now: float) -> Iterator[float]:
        """Take the next picture; yields for each unit that is back how long it was away."""
        lost = self._lost(picture)
        if lost:
            for name, reports in self._seen.reports.items():
                job = picture.jobs.get(name)
                was_there = any(reports[machine].active == "active" for machine in lost & reports.keys())
                if was_there and job is not None and not job.is_global:
                    self._since.setdefault(name, now)
        self._seen = picture
        return iter(self._back(picture, now)) if self._since else iter(())

    def _lost(self, picture: Picture) -> set[str]:
        if picture.machines is self._seen.machines:
            return set()
        return self._seen.machines.keys() - picture.machines.keys()

    def _back(self, picture: Picture, now: float) -> list[float]:
        """How long those were away that run again; those that nobody wants are no longer waited for."""
        back = []
        for name, since in list(self._since.items()):
            if name not in picture.jobs:
                del self._since[name]
            elif any(report.active == "active" for report in picture.reports.get(name, {}).values()):
                back.append(now - since)
                del self._since[name]
        return back
