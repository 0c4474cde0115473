"""Running commands of the machine: short ones to their end, long ones into a cgroup of their own."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from fleetlab.errors import CommandFailed, Result, TimedOut

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PLAIN = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb"}


async def run(
    *argv: str,
    via: Sequence[str] = (),
    where: str = "this machine",
    given: str | None = None,
    check: bool = True,
    timeout: float = 30,
    env: Mapping[str, str] | None = None,
) -> Result:
    """Run to the end with a plain environment; `given` is its standard input; `timeout` in seconds.

    `via` comes before the command and carries it elsewhere; errors name the command without it.
    Whatever ends the waiting (timeout, cancellation) also ends the command and its children.
    """
    process = await asyncio.create_subprocess_exec(
        *via,
        *argv,
        stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**PLAIN, **(env or {})},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout):
            out, err = await process.communicate(None if given is None else given.encode())
    except TimeoutError:
        raise TimedOut(f"`{' '.join(argv)}` on {where}", timeout, "still running") from None
    except asyncio.CancelledError as cancelled:
        cancelled.add_note(f"`{' '.join(argv)}` on {where} still running")
        raise
    finally:
        await _end(process)
    result = Result(process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace"))
    if check and result.exit_code:
        raise CommandFailed(where, argv, result)
    return result


async def _end(process: asyncio.subprocess.Process) -> None:
    """Leave nothing of a command behind."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


_INTO = 'for f in $INTO; do echo 0 >"$f"; done; unset INTO; exec "$@"'


def spawn(
    argv: Sequence[str], *, into: Sequence[Path], log: Path, env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a process that outlives its caller: own session, own cgroup, output appended to `log`.

    `into` are the `cgroup.procs` files that it enters before it runs.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            ["/bin/sh", "-c", _INTO, "sh", *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**PLAIN, **env, "INTO": " ".join(map(str, into))},
            cwd="/",
            start_new_session=True,
        )
