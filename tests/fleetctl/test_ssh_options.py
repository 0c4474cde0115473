"""ssh_config, read as ssh reads it: `ssh -G` is the judge."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fleetctl.errors import SshError
from fleetctl.ssh.config import HostConfig, host_config
from fleetctl.ssh.options import options_of
from tests.fleetctl.conftest import standing_in

OTHER = """\
Host web
  Port 2201
Match user ann
  IdentityFile ~/.ssh/of_ann
"""
CONFIG = """\
# a comment
Include other.conf
Host=web
  HostName "10.0.0.1"
  User = ann
  IdentityFile %d/.ssh/%n_key
Host db-? !db-3
  HostName %h.example
  Include more/*
  User bob
Host db-*
  User carl
  Port 2202
Match host *.example exec "test %n = db-1"
  IdentitiesOnly yes
Match !originalhost web,other user bob
  IdentityAgent ~/agent.sock
Match exec false
  Port 1
Match all
  UserKnownHostsFile ~/.ssh/known ~/.ssh/more
  Port 2203
  IdentityFile ~/.ssh/for_all
  ProxyJump ann@jump:2222,last
  ProxyCommand none
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".ssh/more").mkdir(parents=True)
    (tmp_path / ".ssh/config").write_text(CONFIG)
    (tmp_path / ".ssh/other.conf").write_text(OTHER)
    (tmp_path / ".ssh/more/a.conf").write_text("Host web\n  Port 9\nHost db-1\n  Port 2210\n")
    return tmp_path


def of_ssh(home: Path, host: str, *words: str) -> HostConfig:
    """What ssh itself makes of the file. It takes the home from the password file: paths are put right."""
    text = (home / ".ssh/config").read_text()
    passwd_home = str(Path("~").expanduser())
    for name in ("other.conf", "more/*"):
        text = text.replace(f"Include {name}", f"Include {home}/.ssh/{name}")
    (home / "absolute").write_text(text)
    line = ["ssh", "-G", "-F", str(home / "absolute"), *words, host]
    out = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    found: dict[str, list[str]] = {}
    for row in out.replace(passwd_home, str(home)).splitlines():
        name, _, value = row.partition(" ")
        found.setdefault(name, []).append(value)
    files = [file.replace("~", str(home)) for file in found["identityfile"]]
    return HostConfig(
        hostname=found["hostname"][0],
        user=found["user"][0],
        port=int(found["port"][0]),
        identity_files=tuple(f.replace("%d", str(home)).replace("%n", host) for f in files),
        identities_only=found["identitiesonly"] == ["yes"],
        identity_agent=found.get("identityagent", [""])[0].replace("~", str(home)),
        known_hosts=tuple(found["userknownhostsfile"][0].replace("~", str(home)).split()),
        jumps=tuple(found.get("proxyjump", [""])[0].split(",")),
    )


@pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not installed")
@pytest.mark.parametrize("host", ["web", "db-1", "db-2", "db-3", "other"])
@pytest.mark.parametrize("user", ["", "bob"])
def test_ssh_itself_reads_the_same(home: Path, host: str, user: str) -> None:
    expected = of_ssh(home, host, *(["-l", user] if user else []))
    with standing_in(home, {"HOME": str(home), "PATH": "/usr/bin:/bin"}):
        found = host_config(host, user)
    if not found.user:
        expected = HostConfig(**{f: getattr(expected, f) for f in HostConfig.__slots__} | {"user": ""})
    assert found == expected


def test_who_has_no_file_has_no_options(tmp_path: Path) -> None:
    assert host_config("web", path=tmp_path / "none") == HostConfig("web")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Host a\nPort x", "Port x of a is not a number"),
        ("Nonsense", ":1: 'Nonsense' is no option with a value"),
        ("Match tagged a", ":1: Match tagged is not supported"),
        ("\nMatch host", ":2: Match host needs an argument"),
        ('Host "a', ":1: No closing quotation"),
        ("Include config", "include each other too deep"),
    ],
)
def test_what_cannot_be_understood_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / ".ssh/config"
    path.parent.mkdir()
    path.write_text(text)
    with standing_in(tmp_path, {"HOME": str(tmp_path)}), pytest.raises(SshError) as error:
        host_config("a", path=path)
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_proxy_jump_and_proxy_command_rule_each_other_out(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host a\n ProxyCommand nc %h %p\nHost *\n Port 23\n ProxyJump b\n")
    assert host_config("a", path=tmp_path / "config").proxy_command == "nc a 23"
    assert host_config("a", path=tmp_path / "config").jumps == ()
    assert options_of("b", tmp_path / "config")["proxyjump"] == ["b"]


def test_the_user_that_logs_in_otherwise_is_the_one_that_is_meant(tmp_path: Path) -> None:
    text = "Match user core\n IdentityFile /keys/%r\nMatch user ann\n Port 23\n"
    (tmp_path / "config").write_text(text)
    found = host_config("a", path=tmp_path / "config", otherwise="core")
    assert (found.user, found.identity_files, found.port) == ("", ("/keys/core",), 0)
    assert host_config("a", "ann", path=tmp_path / "config", otherwise="core").port == 23
