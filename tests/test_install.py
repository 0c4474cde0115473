"""`script/install`: what it puts where, into a directory of the test's own."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def install(root: Path, venv: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DESTDIR": str(root), "VENV": str(venv)}
    command = [str(PROJECT / "script" / "install")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_commands_units_pages_and_completions_are_put_in_place_and_once_more(tmp_path: Path) -> None:
    venv = Path(sys.prefix)
    for _ in range(2):
        done = install(tmp_path, venv)
        assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "usr/bin/fleetd").readlink() == venv / "bin/fleetd"
    for unit in ("fleet.service", "fleet.socket"):
        there = tmp_path / "etc/systemd/system" / unit
        assert there.read_text() == (PROJECT / "packaging/systemd" / unit).read_text()
    assert (tmp_path / "etc/fleet").is_dir()
    assert (tmp_path / "usr/share/man/man1/fleetctl.1").read_text().startswith(".TH")
    for shell in ("bash-completion/completions/fleetctl", "zsh/vendor-completions/_fleetctl"):
        assert "fleetctl" in (tmp_path / "usr/share" / shell).read_text()
    assert (tmp_path / "usr/share/fish/vendor_completions.d/fleetctl.fish").stat().st_size > 0


def test_an_environment_without_fleet_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    done = install(tmp_path / "root", tmp_path / "empty")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == f"{PROJECT}/script/install: {tmp_path}/empty has no fleet (pip install . puts it there)\n"
    )
    assert not (tmp_path / "root").exists()
