"""Taking a place for a lab among all labs of the machine, and clearing what dead owners left."""

import secrets
import subprocess

from fleetlab import subnets
from fleetlab.cgroups import Cgroup
from fleetlab.errors import AlreadyThere, LabError, NoSuch
from fleetlab.processes import Process
from fleetlab.state import NAME, LabRecord, directories, labs, load_lab, locked, save
from fleetlab.teardown import cgroup_of, teardown


def claim(name: str, *, owner: Process, unique: bool, ssh: bool, etcd_args: tuple[str, ...]) -> LabRecord:
    """A new lab: record, empty directory and cgroup. A `unique` one shares its name with no other."""
    if not NAME.fullmatch(name):
        raise LabError(f"{name!r} is no name for a lab (letters a-z, digits and dashes, at most 32)")
    with locked():
        _clear_abandoned()
        there = labs()
        if unique and any(lab.name == name for lab in there):
            raise AlreadyThere(f"a lab named {name!r} is up already (fleet-lab down --name {name} ends it)")
        index = _free_index({lab.index for lab in there})
        record = LabRecord(f"{name}-{secrets.token_hex(3)}", name, index, owner, ssh, etcd_args)
        record.directory.mkdir(mode=0o755)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "fleet-lab", record.directory], check=True)
        save(record.directory, record)
        Cgroup(cgroup_of(record.id)).create()
    return record


def forget(lab: str) -> None:
    """Take a lab down for good."""
    teardown(lab)
    with locked():  # nobody may be about to make a group in it
        Cgroup(cgroup_of()).remove_if_empty()


def _free_index(taken: set[int]) -> int:
    free = set(range(subnets.LABS)) - taken
    if not free:
        raise LabError(f"all {subnets.LABS} subnets are taken by labs (fleet-lab down --all ends them)")
    return min(free)


def _clear_abandoned() -> None:
    """Take down labs whose owner died together with its reaper. Called with the lock held."""
    for directory in directories():
        try:
            abandoned = load_lab(directory).abandoned
        except NoSuch:  # with the lock held nobody is just making it
            abandoned = True
        if abandoned:
            teardown(directory.name)
