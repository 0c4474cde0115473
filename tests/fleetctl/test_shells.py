"""Completion in the shells themselves: bash and zsh at a terminal, where somebody presses Tab, and fish."""

import os
import pty
import re
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.fleetctl.conftest import FLEETCTL, Shell

SHOWN = re.compile(r"BUFFER<([^>]*)>")
PATIENCE = 30.0
BASH = r"""
PS1= PS2=; bind 'set bell-style none'; bind -x '"\C-x": echo "BUFFER<$READLINE_LINE>"; READLINE_LINE='
source <(fleetctl completion bash); echo READ""Y
"""
ZSH = """
PROMPT= PROMPT2=; unsetopt beep zle_bracketed_paste prompt_cr prompt_sp
show() { print -r -- "BUFFER<$BUFFER>"; zle send-break }; zle -N show; bindkey '^X' show
fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -u -D; print READ""Y
"""
SETUP = {"bash": (["bash", "--norc", "--noprofile", "-i"], BASH), "zsh": (["zsh", "-f", "-i"], ZSH)}


@contextmanager
def terminal(command: list[str], shell: Shell) -> Iterator[int]:
    """A program at a terminal; yields the descriptor of its other side."""
    path = f"{FLEETCTL.parent}:{shell.env['PATH']}"
    env = {**shell.env, "PATH": path, "TERM": "dumb", "HISTFILE": "", "COLUMNS": "200"}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
        cwd=shell.directory,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield ours
    finally:
        process.kill()
        process.wait(10)
        os.close(ours)


def until(ours: int, wanted: str) -> re.Match[str]:
    """What the program says, as far as it has said what is wanted."""
    said = ""
    while (found := re.search(wanted, said)) is None:
        ready, _, _ = select.select([ours], [], [], PATIENCE)
        assert ready, f"no {wanted} in {said!r}"
        said += os.read(ours, 1 << 16).decode(errors="replace")
    return found


@pytest.fixture
def user(fleetctl: Shell) -> Shell:
    fleetctl.file("units/web@.service")
    fleetctl("submit", "units/web@1", "units/web@2", "units/web@22")
    script = fleetctl("completion", "zsh").out
    fleetctl.file("functions/_fleetctl", script)
    return fleetctl


TYPED = {
    "fleetctl unl\t": "fleetctl unload ",
    "fleetctl stop w\t": "fleetctl stop web@",
    "fleetctl stop web@1\t": "fleetctl stop web@1.service ",
    "fleetctl stop web@1.service web@22\t": "fleetctl stop web@1.service web@22.service ",
    "fleetctl ssh --machine 1\t": "fleetctl ssh --machine 11111111111111111111111111111111 ",
    "fleetctl ssh --machine=1\t": "fleetctl ssh --machine=11111111111111111111111111111111 ",
    "fleetctl list-units --color=al\t": "fleetctl list-units --color=always ",
    "fleetctl start --replace un\t": "fleetctl start --replace units/",
    "fleetctl --endpoint=unix:///nowhere stop w\t": "fleetctl --endpoint=unix:///nowhere stop w",
}


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_tab_completes(user: Shell, name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    command, setup = SETUP[name]
    with terminal(command, user) as ours:
        os.write(ours, setup.lstrip().encode())
        until(ours, "READY")
        lines = {}
        for typed in TYPED:
            os.write(ours, typed.encode() + b"\x18")
            lines[typed] = until(ours, SHOWN.pattern)[1]
    assert lines == TYPED


FISH = {
    "fleetctl unl": ["unload"],
    "fleetctl stop ": ["web@1.service", "web@2.service", "web@22.service"],
    "fleetctl stop web@2": ["web@2.service", "web@22.service"],
    "fleetctl ssh --machine=1": ["--machine=11111111111111111111111111111111"],
    "fleetctl list-units --color=a": ["--color=always", "--color=auto"],
    "fleetctl start units/": ["units/web@.service"],
    "fleetctl --endpoint=unix:///nowhere stop ": [],
}


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(("line", "found"), FISH.items(), ids=FISH)
def test_fish_completes(user: Shell, line: str, found: list[str]) -> None:
    script = f"fleetctl completion fish | source; complete -C '{line}'"
    env = {**user.env, "PATH": f"{FLEETCTL.parent}:{user.env['PATH']}"}
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        env=env, cwd=user.directory, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split("\n")[:-1] == found
    assert done.stderr == ""
