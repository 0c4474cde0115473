"""Why systemd stops us: for good, or to start us again.

Rule 1: when it cannot be found out, we are stopped for good, as fleet 1.0 assumed.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from agent.errors import HostError

log = logging.getLogger(__name__)

_CGROUP = Path("/proc/self/cgroup")
_OWN = re.compile(r"^(.*)/([^/\n]+\.service)$", re.MULTILINE)
COMES_BACK = ("restart", "start")
JobType = Callable[[str], Awaitable[str | None]]
"""What systemd is about to do to a unit; None: nothing. Raises HostError."""
PATIENCE = 3.0
"""Seconds that systemd gets to say why it stops us."""
ATTEMPTS = 5


def own_unit(cgroups: str) -> str | None:
    """The service that a process with these lines in `/proc/self/cgroup` belongs to."""
    found = _OWN.search(cgroups)
    return found[2] if found else None


def is_of_a_user(cgroups: str) -> bool:
    """Whether that service is one of a user's systemd, not of the system's."""
    found = _OWN.search(cgroups)
    return found is not None and "/user@" in found[1]


def is_restart(jobs: str, unit: str) -> bool:
    """Whether the output of `systemctl list-jobs` says that the unit comes up again after it has stopped."""
    lines = (line.split() for line in jobs.splitlines())
    return any(line[1] == unit and line[2] in COMES_BACK for line in lines if len(line) >= 4)


async def is_being_restarted(job_type: JobType | None, *, user: bool) -> bool:
    """Whether systemd is about to start this daemon again (`systemctl restart fleet`, an upgrade).

    `job_type` asks over the connection that is there already, to a user's systemd with `user`; without an
    answer, or when this daemon is a service of the other one, `systemctl` is asked.
    """
    cgroups = await asyncio.to_thread(_CGROUP.read_text)
    unit, of_user = own_unit(cgroups), is_of_a_user(cgroups)
    if unit is None:
        return False
    if job_type is not None and user is of_user:
        try:
            async with asyncio.timeout(PATIENCE):
                return await job_type(unit) in COMES_BACK
        except (HostError, TimeoutError) as error:
            log.debug("systemd did not say over D-Bus why it stops %s: %s", unit, error)
    return await _is_restarted_by_list(unit, user=of_user)


async def _is_restarted_by_list(unit: str, *, user: bool) -> bool:
    command = ["systemctl", *(["--user"] if user else []), "list-jobs", "--plain", "--no-legend", unit]
    try:
        async with asyncio.timeout(PATIENCE):
            return is_restart(await _output(command), unit)
    except (OSError, TimeoutError) as error:
        log.warning("cannot find out whether %s is being restarted: %s", unit, error or "systemd is silent")
        return False


async def _output(command: list[str]) -> str:
    """What a command prints. Raises OSError when it fails.

    systemd signals all processes of a service that it stops: one that is begun at that moment may be hit too.
    """
    status = 0
    for _ in range(ATTEMPTS):
        printed, status = await _once(command)
        if status == 0:
            return printed
        if status > 0:
            break
    raise OSError(f"{' '.join(command)} ended with status {status}")


async def _once(command: list[str]) -> tuple[str, int]:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    try:
        printed, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    return printed.decode(errors="replace"), process.returncode or 0
