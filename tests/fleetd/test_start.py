"""The command line, the configuration file on disk, and what is printed when nothing else happens."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from fleetd.commandline import Replay, Run, Usage, Version, Wish, parse
from fleetd.config import Config
from fleetd.configfile import Source
from fleetd.inifile import ConfigError
from fleetd.notls import needs_tls
from fleetd.version import installed, version

LINES: dict[str, tuple[list[str], Wish]] = {
    "nothing": ([], Run()),
    "a file": (["--config", "/x"], Run("/x")),
    "a file and an equals sign": (["--config=/x"], Run("/x")),
    "one dash": (["-config", "/x"], Run("/x")),
    "one dash and an equals sign": (["-config=/x"], Run("/x")),
    "the last file": (["--config=/x", "--config=/y"], Run("/y")),
    "an empty file name": (["--config="], Run()),
    "the version": (["--version"], Version()),
    "the version with one dash": (["-version"], Version()),
    "the version as a word": (["version"], Version()),
    "words after version": (["version", "please"], Version()),
    "the version and a file": (["--config", "/x", "--version"], Version()),
    "a moment": (["--replay", "/m"], Replay("/m")),
    "a moment and an equals sign": (["-replay=/m"], Replay("/m")),
    "a moment without its name": (["-replay"], Usage(2, "flag needs an argument: -replay")),
    "not the version": (["--version=false"], Run()),
    "help": (["--help"], Usage(0)),
    "short help": (["-h"], Usage(0)),
    "a file without its name": (["--config"], Usage(2, "flag needs an argument: -config")),
    "an unknown flag": (["--verbosity=1"], Usage(2, "flag provided but not defined: -verbosity")),
    "an unknown flag with one dash": (["-x"], Usage(2, "flag provided but not defined: -x")),
    "a word": (
        ["start"],
        Usage(1, "fleetd takes no arguments. Did you mean to invoke fleetctl instead?"),
    ),
    "a word after two dashes": (
        ["--", "--version"],
        Usage(1, "fleetd takes no arguments. Did you mean to invoke fleetctl instead?"),
    ),
    "only two dashes": (["--"], Run()),
}


@pytest.mark.parametrize(("words", "wish"), LINES.values(), ids=LINES)
def test_command_line(words: list[str], wish: Wish) -> None:
    assert parse(words, "fleetd") == wish


def fleetd(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fleetd", *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)


def test_the_version_is_printed() -> None:
    done = fleetd("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"fleetd version {version()}\n", "")
    assert version().startswith("v")


def test_the_usage_goes_to_standard_error() -> None:
    done = fleetd("-x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "flag provided but not defined: -x\nfleetd is the server component of fleet,"
    )
    assert "  -config string\n    \tPath to config file." in done.stderr


def test_a_missing_file_is_fatal() -> None:
    done = fleetd("--config", "/nowhere/fleet.conf")
    lines = [line.partition(" ")[0] + " " + line.partition(": ")[2] for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert lines == [
        f"INFO Starting fleetd version {version()}",
        "FATAL Unable to use config file /nowhere/fleet.conf: "
        "stat /nowhere/fleet.conf: no such file or directory",
    ]


def test_a_wrong_value_is_fatal(tmp_path: Path) -> None:
    (tmp_path / "fleet.conf").write_text("\nagent_ttl=45\n")
    done = fleetd("--config", str(tmp_path / "fleet.conf"))
    assert done.returncode == 1
    said = 'Failed creating Server: time: missing unit in duration "45" '
    assert f'{said}({tmp_path}/fleet.conf:2: agent_ttl = "45": expected a duration' in done.stderr


def test_settings_of_etcd_that_mean_nothing_are_fatal(tmp_path: Path) -> None:
    environment = {"FLEET_ETCD_CAFILE": "/nowhere/ca.pem", "FLEET_SYSTEMD_USER": "true"}
    done = fleetd(**environment, XDG_RUNTIME_DIR=str(tmp_path))
    assert done.returncode == 1
    fatal = done.stderr.splitlines()[-1]
    assert fatal.startswith("FATAL __main__.py:")
    assert "Failed creating Server: " in fatal
    assert "/nowhere/ca.pem" in fatal


def source(tmp_path: Path, given: Path | None = None) -> Source:
    return Source(given, default=tmp_path / "default.conf", environment={})


def test_the_given_file_is_used_instead_of_the_default(tmp_path: Path) -> None:
    (tmp_path / "default.conf").write_text("verbosity=1")
    (tmp_path / "given.conf").write_text("verbosity=2")
    assert source(tmp_path, tmp_path / "given.conf").read().config.verbosity == 2
    assert source(tmp_path).read().config.verbosity == 1


def test_without_any_file_there_are_the_defaults(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert source(tmp_path).read().config.verbosity == 0
    assert caplog.messages == ["No provided or default config file found - proceeding without"]


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"Provided config {tmp_path} is a directory, not a file"):
        source(tmp_path, tmp_path).read()


def test_a_file_that_is_no_text_is_said_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "x.conf").write_bytes(b"verbosity=1\n# caf\xe9\n")
    with pytest.raises(ConfigError, match=r"x\.conf:2: this line is not UTF-8"):
        source(tmp_path, tmp_path / "x.conf").read()


def test_what_is_no_recorded_moment_is_not_replayed(tmp_path: Path) -> None:
    (tmp_path / "moment.json").write_text("[]")
    done = fleetd("--replay", str(tmp_path / "moment.json"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("cannot replay: ")
    assert "Traceback" not in done.stderr


LEAN = """
import sys
from importlib import metadata
import fleetd.api.server
assert "aiohttp.client" not in sys.modules, "the client was imported"
import aiohttp
assert aiohttp.hdrs.ACCEPT == "Accept", "a submodule"
assert "aiohttp.client" not in sys.modules
assert aiohttp.ClientSession.__name__ == "ClientSession", "a name of the package itself"
assert aiohttp.__version__
strangers = {"paramiko", "requests", "click", "cryptography"} & set(sys.modules)
assert not strangers, strangers
"""


def test_the_daemon_imports_no_client_and_who_wants_one_gets_it() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", LEAN], check=True, timeout=60)


def test_a_daemon_without_tls_loads_no_openssl() -> None:
    program = """
import sys
from importlib import metadata
from pathlib import Path
import fleetd.__main__
from fleetd import notls
notls.forget_tls()
import hashlib
from fleetd import daemon
import registry.etcd3.backend
assert hashlib.sha1(b"").hexdigest().startswith("da39a3ee")
loaded = Path("/proc/self/maps").read_text()
assert "libcrypto" not in loaded, "OpenSSL was loaded"
"""
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


NEEDS_TLS = {
    "none by default": (Config(), False),
    "for a server": (Config(etcd_servers=("http://a:1", "HTTPS://b:2")), True),
    "for servers that DNS may name": (Config(etcd_discovery_srv="example.test"), True),
    "for the library of etcd v2": (Config(etcd_api=2), True),
}


@pytest.mark.parametrize(("config", "needed"), NEEDS_TLS.values(), ids=NEEDS_TLS)
def test_tls_is_left_out_only_where_nobody_wants_it(config: Config, needed: bool) -> None:
    assert needs_tls(config) is needed


def test_what_is_installed_is_known_by_its_folder_and_what_is_not_has_no_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert installed("aiohttp") == metadata.version("aiohttp")
    assert installed("fleet-that-is-not-there") == ""
    (tmp_path / "sling-3.1.4.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert installed("sling") == "3.1.4"
