"""What SIGUSR1 prints: what this daemon holds about its units, as fleet 1.0 did (scheduling.md §14)."""

import asyncio
import json
import logging
import time
from collections.abc import Iterable, Mapping
from typing import Final

from agent.errors import HostError
from agent.host import Host, Remembered, Stage
from agent.report import reports
from registry.records import Report

log = logging.getLogger(__name__)

ANSWER_WITHIN: Final = 2.0
"""Seconds for systemd to say how the units are; without its answer none are shown as published."""


async def dumped(host: Host, machine_id: str) -> str:
    """The state of the daemon, in one line."""
    remembered = dict(sorted(host.remembered().items()))
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            statuses = await host.states(remembered)
    except (HostError, TimeoutError) as error:
        log.warning("how the units are could not be found out: %s", error or "systemd does not answer")
        return line(remembered, ())
    return line(remembered, reports(machine_id, remembered, statuses, remembered, {}, time.time()).values())


def line(remembered: Mapping[str, Remembered], said: Iterable[Report]) -> str:
    """The JSON of 1.0. Nothing ever waits to be published here: what changes is said at once."""
    states = {
        name: "launched" if known.stage is Stage.LAUNCHED else "loaded" for name, known in remembered.items()
    }
    published = {
        report.name: {
            "LoadState": report.load,
            "ActiveState": report.active,
            "SubState": report.sub,
            "MachineID": report.machine,
            "UnitHash": report.hash,
            "UnitName": "",
        }
        for report in said
    }
    shown = {
        "Agent": {"Cache": {"TargetStates": states}},
        "UnitStatePublisher": {"Cache": published, "ToPublish": {}},
        "UnitStateGenerator": {"Subscribed": list(remembered)},
    }
    return json.dumps(shown, separators=(",", ":"))
