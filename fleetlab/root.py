"""A host's root: the machine's own files below, all that the host writes above, and what is private hidden.

The upper layer is written before the two are joined, as plain directories: so no symbolic link of
the machine can lead a write out of the host.
"""

import os
import stat
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from fleetlab.commands import run

HIDDEN = (  # directories that are empty in a host
    "boot",
    "etc/NetworkManager/system-connections",
    "etc/cron.d",
    "etc/fleet",
    "etc/systemd/network",
    "etc/systemd/system",
    "etc/systemd/user",
    "root/.aws",
    "root/.docker",
    "root/.gnupg",
    "root/.kube",
    "root/.ssh",
    "run",
    "tmp",
    "var/backups",
    "var/lib/containerd",
    "var/lib/containers",
    "var/lib/docker",
    "var/lib/etcd",
    "var/lib/machines",
    "var/lib/mysql",
    "var/lib/postgresql",
    "var/lib/systemd",
    "var/log",
    "var/mail",
    "var/spool/cron",
    "var/tmp",
)
REMOVED = (  # files that are not there in a host
    "etc/crypttab",
    "etc/fstab",
    "etc/.updated",
    "etc/gshadow",
    "etc/gshadow-",
    "etc/shadow-",
    "root/.bash_history",
    "root/.git-credentials",
    "root/.netrc",
    "root/.pypirc",
    "var/.updated",
)
MASKED = (  # units that a host in a namespace has no use for; each costs boot time
    "dev-hugepages.mount",
    "ldconfig.service",
    "sys-fs-fuse-connections.mount",
    "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path",
    "systemd-hwdb-update.service",
    "systemd-initctl.socket",
    "systemd-journal-catalog-update.service",
    "systemd-logind.service",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-remount-fs.service",
    "systemd-resolved.service",
    "systemd-sysusers.service",
    "systemd-timesyncd.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-update-done.service",
    "systemd-update-utmp.service",
    "tmp.mount",  # nspawn mounts one itself; a second would hide what is bound into it
)


def lay_out(upper: Path, *, name: str, machine_id: str, hosts: str, keep: Iterable[Path]) -> None:
    """Write a host's upper layer, with its identity. Hides nothing that leads to a path in `keep`."""
    kept = [path.relative_to("/") for path in keep]
    for hidden in map(Path, HIDDEN):
        if not any(path.is_relative_to(hidden) for path in kept):
            _hide(upper, hidden)
    for removed in map(Path, REMOVED):
        _remove(upper, removed)
    for key in Path("/etc/ssh").glob("ssh_host_*"):
        _remove(upper, key.relative_to("/"))
    _identify(upper, name, machine_id, hosts)
    _configure_systemd(upper / "etc/systemd")


async def mount(directory: Path) -> Path:
    """Join the machine's root and `directory`/upper into `directory`/root."""
    root = directory / "root"
    root.mkdir()
    (directory / "work").mkdir()
    options = f"lowerdir=/,upperdir={directory}/upper,workdir={directory}/work"
    await run("mount", "-t", "overlay", "-o", options, "fleet-lab", str(root))
    return root


def _identify(upper: Path, name: str, machine_id: str, hosts: str) -> None:
    etc = _directory(upper, Path("etc"))
    (etc / "machine-id").write_text(f"{machine_id}\n")
    (etc / "hostname").write_text(f"{name}\n")
    (etc / "hosts").write_text(hosts)
    (etc / "resolv.conf").write_text("# a lab asks nobody outside for names\n")
    (upper / "var/log/journal" / machine_id).mkdir(parents=True)
    users = [line.split(":")[0] for line in Path("/etc/passwd").read_text().splitlines() if ":" in line]
    shadow = etc / "shadow"
    shadow.touch(mode=0o600)
    shadow.write_text("".join(f"{user}:*:19000:0:99999:7:::\n" for user in users))  # no passwords at all


def _configure_systemd(etc: Path) -> None:
    files = resources.files("fleetlab") / "units"
    system = etc / "system"
    for unit in ("lab.target", "lab-sshd.service"):
        (system / unit).write_text((files / unit).read_text())
    (system / "default.target").symlink_to("lab.target")
    for unit in MASKED:
        (system / unit).symlink_to("/dev/null")
    (etc / "journald.conf.d").mkdir(exist_ok=True)
    (etc / "journald.conf.d/90-lab.conf").write_text((files / "journald.conf").read_text())
    tmpfiles = etc.parent / "tmpfiles.d"
    tmpfiles.mkdir(exist_ok=True)
    (tmpfiles / "tmp.conf").symlink_to("/dev/null")  # or it would empty what is bound below /tmp


def _hide(upper: Path, path: Path) -> None:
    """Make a directory of the machine look empty."""
    below = Path("/") / path
    if below.is_dir() and not below.is_symlink():
        os.setxattr(_directory(upper, path), "trusted.overlay.opaque", b"y")


def _remove(upper: Path, path: Path) -> None:
    """Make a file of the machine look absent: a whiteout, as the overlay understands it."""
    below = Path("/") / path
    if below.is_symlink() or below.is_file():
        os.mknod(_directory(upper, path.parent) / path.name, stat.S_IFCHR, os.makedev(0, 0))


def _directory(upper: Path, path: Path) -> Path:
    """The directory in the upper layer, with the mode and owner that it has on the machine."""
    here = upper
    for part in path.parts:
        here = here / part
        if not here.exists():
            there = (Path("/") / here.relative_to(upper)).stat()
            here.mkdir()
            os.chown(here, there.st_uid, there.st_gid)
            here.chmod(stat.S_IMODE(there.st_mode))
    return here
