"""The way to a host that ~/.ssh/config has: jump hosts, a command, keys and known hosts, on a real sshd."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleetctl.conftest import Shell
from tests.fleetctl.small_cluster import M1
from tests.fleetctl.ssh_host import USER, SshHost, make_key, port, ssh_host

pytestmark = pytest.mark.lab

MACHINES = ("list-machines", "--no-legend")


@pytest.fixture(scope="module")
def jump(tmp_path_factory: pytest.TempPathFactory, host: SshHost) -> Iterator[SshHost]:
    """Another host, which lets the same user in."""
    with ssh_host(tmp_path_factory.mktemp("jump")) as jump:
        (jump.directory / "authorized_keys").write_text((host.directory / "authorized_keys").read_text())
        yield jump


@pytest.fixture
def traveller(user: Shell, host: SshHost, jump: SshHost) -> Shell:
    known = f"[127.0.0.1]:{host.port} {host.host_key}\n[127.0.0.1]:{jump.port} {jump.host_key}\n"
    user.file(".fleetctl/known_hosts", known)
    return user


def block(name: str, host: SshHost, *options: str) -> str:
    lines = [f"Host {name}", "HostName 127.0.0.1", f"Port {host.port}", *options]
    return "\n  ".join(lines) + "\n"


def logins(host: SshHost) -> int:
    return (host.directory / "sshd.log").read_text().count("Accepted publickey")


@pytest.mark.parametrize(
    ("of_target", "of_jump", "through"),
    [
        ("ProxyJump jump", "", 1),
        ("ProxyJump jump,jump", "", 2),
        ("ProxyJump jump", "ProxyJump other", 2),
        ("ProxyJump other,jump", "ProxyJump nowhere", 2),
        ("ProxyJump jump", "ProxyJump target", 1),
        ("ProxyJump target", "", 0),
        ("ProxyJump none", "", 0),
    ],
    ids=["one", "two", "of a jump host", "those given count", "in a circle", "to itself", "none"],
)
def test_jump_hosts_are_gone_through(
    traveller: Shell, host: SshHost, jump: SshHost, of_target: str, of_jump: str, through: int
) -> None:
    config = block("target", host, of_target) + block("jump", jump, of_jump) + block("other", jump)
    traveller.file(".ssh/config", config)
    before = logins(jump)
    ran = traveller("--tunnel=target", *MACHINES)
    assert (ran.err, ran.status) == ("", 0)
    assert ran.out.startswith("11111111...\t127.0.0.1\t-\n")
    assert logins(jump) == before + through


def test_a_jump_host_that_does_not_get_further_is_named(
    traveller: Shell, host: SshHost, jump: SshHost
) -> None:
    config = "Host target\n  HostName 127.0.0.1\n  Port 1\n  ProxyJump jump\n" + block("jump", jump)
    traveller.file(".ssh/config", config)
    assert "jump cannot connect to 127.0.0.1:1: " in traveller("--tunnel=target", "list-machines").err


def test_a_jump_host_has_a_user_of_its_own(traveller: Shell, host: SshHost, jump: SshHost) -> None:
    traveller.file(".ssh/config", block("target", host, "ProxyJump nobody@jump") + block("jump", jump))
    assert "unable to authenticate as nobody" in traveller("--tunnel=target", "list-machines").err


def test_machines_are_reached_through_jump_hosts_too(traveller: Shell, host: SshHost, jump: SshHost) -> None:
    traveller.file(".ssh/config", "Host 127.0.0.1\n  ProxyJump jump\n" + block("jump", jump))
    before = logins(jump)
    ran = traveller("ssh", port(host), M1, "echo hi")
    assert (ran.out, ran.err) == ("hi\n", "")
    assert logins(jump) == before + 1


def test_a_command_connects(traveller: Shell, host: SshHost) -> None:
    dial = traveller.file(
        "dial.py",
        "import os, socket, sys, threading\n"
        "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def out():\n    while d := s.recv(4096): os.write(1, d)\n    os._exit(0)\n"
        "threading.Thread(target=out).start()\n"
        "while d := os.read(0, 4096): s.sendall(d)\n",
    )
    command = f"ProxyCommand python3 {dial} %h %p"
    traveller.file(".ssh/config", block("target", host, command))
    traveller.file(".fleetctl/known_hosts", f"[127.0.0.1]:{host.port} {host.host_key}\n")
    ran = traveller("--tunnel=target", *MACHINES)
    assert (ran.err, ran.status) == ("", 0)


def test_the_agent_of_the_configuration_is_asked(traveller: Shell, host: SshHost) -> None:
    traveller.file(".ssh/config", f"Host *\n  IdentityAgent {host.agent_socket}\n")
    assert traveller("ssh", port(host), M1, "echo hi", SSH_AUTH_SOCK="/nowhere").out == "hi\n"
    traveller.file(".ssh/config", "Host *\n  IdentityAgent none\n")
    assert "no key to try" in traveller("ssh", port(host), M1, "echo hi").err


def test_of_an_agent_with_many_keys_the_named_one_comes_first(
    traveller: Shell, host: SshHost, tmp_path: Path
) -> None:
    """An sshd hears of six keys at most."""
    (tmp_path / ".ssh").mkdir(exist_ok=True)
    agent = tmp_path / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", agent], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        env = {**traveller.env, "SSH_AUTH_SOCK": str(agent)}
        for number in range(7):
            make_key(tmp_path / f"stranger{number}")
            subprocess.run(["ssh-add", "-q", tmp_path / f"stranger{number}"], env=env, check=True)
        subprocess.run(["ssh-add", "-q", host.key], env=env, check=True)
        (tmp_path / ".ssh/mine.pub").write_text(host.key.with_suffix(".pub").read_text())
        words = ("ssh", port(host), M1, "echo hi")
        traveller.file(".ssh/config", "Host *\n  IdentityFile ~/.ssh/mine.pub\n  IdentitiesOnly yes\n")
        assert traveller(*words, SSH_AUTH_SOCK=str(agent)).out == "hi\n"
        traveller.file(".ssh/config", "Host *\n  IdentityFile ~/.ssh/mine.pub\n")
        assert traveller(*words, SSH_AUTH_SOCK=str(agent)).out == "hi\n"
        traveller.file(".ssh/config", "")
        assert "unable to authenticate" in traveller(*words, SSH_AUTH_SOCK=str(agent)).err
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_hosts_that_ssh_knows_by_name_are_known(traveller: Shell, host: SshHost) -> None:
    traveller.file(".fleetctl/known_hosts", "")
    traveller.file("known", f"[localhost]:{host.port} {host.host_key}\n")
    words = (f"--tunnel=localhost:{host.port}", *MACHINES)
    assert "authenticity of host" in traveller(*words).err
    traveller.file(".ssh/config", f"Host localhost\n  UserKnownHostsFile {traveller.directory}/known\n")
    assert (traveller(*words).err, traveller(*words).status) == ("", 0)


def test_the_user_on_the_command_line_counts_even_if_it_is_the_default(
    traveller: Shell, host: SshHost
) -> None:
    traveller.file(".ssh/config", f"Host *\n  User {USER}\n")
    words = ("ssh", port(host), M1, "echo hi")
    assert traveller(*words, FLEETCTL_SSH_USERNAME="").out == "hi\n"
    refused = traveller("--ssh-username=core", *words, FLEETCTL_SSH_USERNAME="")
    assert "unable to authenticate as core" in refused.err
