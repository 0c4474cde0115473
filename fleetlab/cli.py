"""`fleet-lab`: a cluster on one machine, to try fleet on. Labs stay up until `fleet-lab down`."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import click

from fleetlab import bringup, overview, preflight, state
from fleetlab.claims import forget
from fleetlab.commands import PLAIN
from fleetlab.errors import LabError
from fleetlab.host import Host
from fleetlab.lab import Lab

P = ParamSpec("P")

SHELL = ("/bin/bash", "--login")
# Stay in the directory one is in, if the host has it: then relative paths of unit files work.
_IN_PLACE = 'cd "$0" 2>/dev/null || cd /root; exec "$@"'

in_lab = click.option(
    "--name", "lab", default="default", envvar="FLEET_LAB", show_default=True, help="Which lab."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Real systemd hosts with fleet on them, on this one machine, in namespaces.

    Needs root. Nothing of the machine itself is touched.
    """


def main() -> None:
    """The command, with its errors in one line each."""
    try:
        cli(standalone_mode=False)
    except LabError as error:
        sys.exit(f"fleet-lab: {error}")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


def on_lab(verb: Callable[Concatenate[Lab, P], Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A command that does its verb on the lab that is named."""

    @in_lab
    @wraps(verb)
    def command(*args: P.args, **kwargs: P.kwargs) -> None:
        preflight.check_root()
        lab = Lab.attach(str(kwargs.pop("lab")))
        asyncio.run(verb(lab, *args, **kwargs))

    return command


@cli.command()
@click.option("--hosts", default=3, show_default=True, type=click.IntRange(0, 244), help="How many hosts.")
@click.option(
    "--etcd", default=1, show_default=True, type=click.IntRange(0, 9), help="How many etcd members."
)
@click.option("--ssh", is_flag=True, help="Run an SSH server on each host.")
@click.option("--no-fleet", is_flag=True, help="Leave the hosts without fleet.")
@in_lab
def up(lab: str, hosts: int, etcd: int, ssh: bool, no_fleet: bool) -> None:
    """Boot hosts and etcd, and start fleet on them."""
    asyncio.run(bringup.up(lab, hosts=hosts, etcd=etcd, ssh=ssh, fleet=not no_fleet, say=click.echo))


@cli.command(name="ls")
def list_labs() -> None:
    """List all labs of this machine."""
    click.echo(overview.labs(state.labs()))


@cli.command()
@on_lab
async def status(lab: Lab) -> None:
    """Show hosts and etcd members of a lab."""
    click.echo(overview.lab(lab))


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("host")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@in_lab
def ssh(lab: str, host: str, command: tuple[str, ...]) -> None:
    """Open a shell in a host, or run a command there.

    For example: fleet-lab ssh h1 -- fleetctl list-machines
    """
    preflight.check_root()
    enter = Lab.attach(lab)[host].enter()
    env = {**PLAIN, "TERM": os.environ.get("TERM", "dumb")}
    argv = [*enter, "/bin/sh", "-c", _IN_PLACE, str(Path.cwd()), *(command or SHELL)]
    sys.stdout.flush()
    os.execvpe(argv[0], argv, env)


@cli.command()
@on_lab
async def add(lab: Lab) -> None:
    """Boot one more host."""
    host = await lab.add_host()
    click.echo(f"{host.name} is up at {host.address}")


def _host_command(name: str, does: str, done: str, verb: Callable[[Host], Coroutine[Any, Any, None]]) -> None:
    """A command `name HOST` that does one verb on a host and says so."""

    @on_lab
    async def command(lab: Lab, host: str) -> None:
        await verb(lab[host])
        click.echo(f"{host} {done}")

    cli.command(name, help=does)(click.argument("host")(command))


_host_command("kill", "Pull a host's plug.", "has lost its power", Host.pull_the_plug)
_host_command("off", "Shut a host down in order.", "is off", Host.power_off)
_host_command("boot", "Boot a host that is off: the same machine again.", "is up", Host.boot)
_host_command("reboot", "Shut a host down in order and boot it again.", "is up again", Host.reboot)
_host_command("pause", "Stop all processes of a host where they stand.", "stands still", Host.pause)
_host_command("resume", "Let a paused host go on.", "goes on", Host.resume)


@cli.command()
@click.argument("host")
@click.option("--etcd", is_flag=True, help="Only what goes between it and etcd.")
@on_lab
async def cut(lab: Lab, host: str, etcd: bool) -> None:
    """Take a host's network cable out."""
    await (lab[host].cut_from_etcd() if etcd else lab[host].cut_cable())
    click.echo(f"{host} is cut off" + (" from etcd" if etcd else ""))


@cli.command()
@click.argument("host")
@on_lab
async def heal(lab: Lab, host: str) -> None:
    """Undo all that was done to a host's network."""
    await lab[host].heal()
    click.echo(f"{host} is connected")


@cli.command()
@click.argument("action", type=click.Choice(["kill", "start", "pause", "resume"]))
@click.argument("member")
@on_lab
async def etcd(lab: Lab, action: str, member: str) -> None:
    """Kill, start, pause or resume a member of etcd."""
    there = lab.etcd[member]
    verbs = {"kill": there.kill, "start": there.start, "pause": there.pause, "resume": there.resume}
    await verbs[action]()
    click.echo(f"{member}: {action} done")


@cli.command()
@click.option("--all", "everything", is_flag=True, help="All labs, but those a running process still owns.")
@in_lab
def down(lab: str, everything: bool) -> None:
    """Take a lab down: nothing of it stays."""
    preflight.check_root()
    if not everything:
        forget(state.find(lab).id)
        click.echo(f"{lab} is gone")
        return
    for found in state.directories():
        if owner := state.living_owner(found):
            click.echo(f"{found.name} stays: it belongs to the running process {owner.pid}")
        else:
            forget(found.name)
            click.echo(f"{found.name} is gone")
