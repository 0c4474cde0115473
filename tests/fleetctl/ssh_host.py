"""A real sshd on loopback with keys of its own, and a real ssh-agent that holds the user's key."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port

SSHD = "/usr/sbin/sshd"
USER = getpass.getuser()


@dataclass(frozen=True)
class SshHost:
    """Where the sshd is, and where things of it are."""

    directory: Path
    port: int
    agent_socket: str

    @property
    def key(self) -> Path:
        return self.directory / "user_key"

    @property
    def host_key(self) -> str:
        """The type and the base64 of the host's key."""
        return " ".join((self.directory / "host_key.pub").read_text().split()[:2])

    @property
    def tools(self) -> Path:
        """What is in front of everything else in the path of remote commands."""
        return self.directory / "tools"

    def tool(self, name: str, script: str) -> None:
        self.tools.mkdir(exist_ok=True)
        path = self.tools / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


def port(host: SshHost) -> str:
    """The flag that leads to it."""
    return f"--ssh-port={host.port}"


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", path.name, "-f", path], check=True
    )


@contextmanager
def ssh_host(directory: Path, *options: str) -> Iterator[SshHost]:
    """An sshd that lets in whoever holds `user_key`, until the context ends."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("host_key", "user_key"):
        make_key(directory / name)
    shutil.copy(directory / "user_key.pub", directory / "authorized_keys")
    port = free_port()
    (directory / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {directory}/host_key\nPidFile none\nStrictModes no\n"
        f"AuthorizedKeysFile {directory}/authorized_keys\nUsePAM no\nPasswordAuthentication no\n"
        f"PermitRootLogin prohibit-password\nSetEnv PATH={directory}/tools:{os.environ['PATH']}\n"
        + "".join(f"{option}\n" for option in options)
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    log = directory / "sshd.log"
    sshd = subprocess.Popen([SSHD, "-D", "-f", directory / "sshd_config", "-E", log])
    try:
        with _agent(directory) as agent_socket:
            _wait_listening(sshd, port, log)
            yield SshHost(directory, port, agent_socket)
    finally:
        sshd.terminate()
        sshd.wait(10)


@contextmanager
def _agent(directory: Path) -> Iterator[str]:
    path = str(directory / "agent.sock")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.PIPE)
    try:
        assert agent.stdout is not None
        assert agent.stdout.readline()  # said once it listens
        subprocess.run(
            ["ssh-add", "-q", directory / "user_key"], env={**os.environ, "SSH_AUTH_SOCK": path}, check=True
        )
        yield path
    finally:
        agent.terminate()
        agent.communicate(timeout=10)


def _wait_listening(sshd: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(500):
        assert sshd.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise AssertionError("sshd does not listen")
