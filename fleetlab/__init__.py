"""Real systemd hosts on one machine, in namespaces: what fleet is tested, measured and shown on.

    async with Lab(hosts=3, etcd_members=1) as lab:
        await lab["h1"].run("systemctl", "is-system-running")
        await lab["h2"].pull_the_plug()

Nothing of fleet is imported here, and nothing of the machine itself is touched.
"""

from fleetlab.errors import AlreadyThere, CommandFailed, LabError, NoSuch, NotPossible, Result, TimedOut
from fleetlab.etcd import Etcd, Member
from fleetlab.host import Host
from fleetlab.lab import Lab
from fleetlab.waiting import together, wait_until

__all__ = [
    "AlreadyThere",
    "CommandFailed",
    "Etcd",
    "Host",
    "Lab",
    "LabError",
    "Member",
    "NoSuch",
    "NotPossible",
    "Result",
    "TimedOut",
    "together",
    "wait_until",
]
