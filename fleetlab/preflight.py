"""Whether this machine can carry a lab, said before anything is begun."""

import os
import shutil

from fleetlab.cgroups import mounts
from fleetlab.commands import PATH
from fleetlab.errors import NotPossible

PACKAGES = {
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "nft": "nftables",
    "nsenter": "util-linux",
    "mount": "mount",
    "dbus-daemon": "dbus",
}
ETCD_PACKAGES = {"etcd": "etcd-server", "etcdctl": "etcd-client"}
SSH_PACKAGES = {"sshd": "openssh-server", "ssh-keygen": "openssh-client"}


def check_root() -> None:
    """Raise `NotPossible` unless this process is root's."""
    if os.geteuid() != 0:
        raise NotPossible(
            "a lab boots real hosts, and only root may do that (run this as root, e.g. with sudo)"
        )


def check(*, etcd: bool, ssh: bool) -> None:
    """Raise `NotPossible`, with what to do, if a lab cannot run here."""
    check_root()
    wanted = PACKAGES | (ETCD_PACKAGES if etcd else {}) | (SSH_PACKAGES if ssh else {})
    missing = sorted({package for command, package in wanted.items() if not shutil.which(command, path=PATH)})
    if missing:
        raise NotPossible(f"missing packages: {' '.join(missing)} (apt-get install {' '.join(missing)})")
    mounts()
