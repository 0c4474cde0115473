"""SSH into hosts: one key per lab opens root@ and core@ on every host; host keys are known beforehand."""

from pathlib import Path

from fleetlab.commands import run

CONFIG = """\
Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/lab_authorized_keys .ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
"""
CORE = 500  # the uid and gid that CoreOS gave to its user


def key(lab: Path) -> Path:
    """The private key of the lab in this directory; beside it .pub."""
    return lab / "ssh_key"


def known_hosts(lab: Path) -> Path:
    """The file with the keys of all hosts of the lab, in the format of ssh(1)."""
    return lab / "known_hosts"


async def make_key(lab: Path) -> None:
    """Generate the lab's key."""
    await _keygen(key(lab), "fleet-lab")


async def prepare(lab: Path, upper: Path, *, name: str, address: str) -> None:
    """Give a host that is still only an upper layer its SSH server, its key and its user `core`."""
    etc = upper / "etc/ssh"
    etc.mkdir(exist_ok=True)
    (etc / "ssh_host_ed25519_key").unlink(missing_ok=True)  # the whiteout of the machine's own
    (etc / "ssh_host_ed25519_key.pub").unlink(missing_ok=True)
    await _keygen(etc / "ssh_host_ed25519_key", name)
    (etc / "lab_sshd_config").write_text(CONFIG)
    (etc / "lab_authorized_keys").write_text(key(lab).with_suffix(".pub").read_text())
    _add_core(upper)
    wants = upper / "etc/systemd/system/lab.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "lab-sshd.service").symlink_to("../lab-sshd.service")
    with known_hosts(lab).open("a") as known:
        known.write(f"{name},{address} {(etc / 'ssh_host_ed25519_key.pub').read_text()}")


def _add_core(upper: Path) -> None:
    lines = {
        "passwd": f"core:x:{CORE}:{CORE}:CoreOS Admin:/home/core:/bin/bash",
        "group": f"core:x:{CORE}:",
        "shadow": "core:*:19000:0:99999:7:::",
    }
    for file, line in lines.items():
        written = upper / "etc" / file
        before = written if written.exists() else Path("/etc") / file
        others = [other for other in before.read_text().splitlines() if not other.startswith("core:")]
        written.write_text("\n".join([*others, line]) + "\n")
    home = upper / "home/core"
    home.mkdir(parents=True, exist_ok=True)
    for skeleton in Path("/etc/skel").glob(".*"):
        (home / skeleton.name).write_bytes(skeleton.read_bytes())


async def _keygen(path: Path, comment: str) -> None:
    await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path))
