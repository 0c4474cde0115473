"""Commands and shells over SSH, with our stdin, stdout and stderr, and with a terminal where we have one."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

import paramiko
from paramiko.agent import AgentRequestHandler

from fleetctl.errors import SshError
from fleetctl.ssh.channels import FleetTransport, words_of

CHUNK = 1 << 15
TERMINAL = "xterm-256color"


def run_command(
    transport: FleetTransport, line: str, *, forward_agent: bool = False, reads: bool = True
) -> int:
    """Run a command; returns its exit status, 128 + N if signal N killed it. Raises SshError.

    Without `reads` our stdin is left alone, for whoever comes next in a script, unless it is a terminal.
    """
    begin = partial(paramiko.Channel.exec_command, command=line)
    return _session(transport, begin, forward_agent=forward_agent, reads=reads)


def read_command(transport: FleetTransport, line: str, tell: Callable[[str], None]) -> int:
    """Run a command without a terminal, each line of its two outputs going to `tell`. Raises SshError."""
    try:
        channel = transport.open_session()
        channel.set_combine_stderr(True)
        channel.exec_command(line)
        channel.shutdown_write()
        for row in channel.makefile("rb", CHUNK):
            tell(row.decode(errors="backslashreplace").rstrip("\n"))
        status = channel.recv_exit_status()
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise SshError(f"the connection broke: {words_of(error)}") from error
    if status < 0:
        raise SshError("the connection was lost before the command had ended")
    return status


def run_shell(transport: FleetTransport, *, forward_agent: bool = False) -> int:
    """Open the user's shell; returns its exit status. Raises SshError."""
    return _session(transport, paramiko.Channel.invoke_shell, forward_agent=forward_agent, reads=True)


def _session(
    transport: FleetTransport, begin: Callable[[paramiko.Channel], None], *, forward_agent: bool, reads: bool
) -> int:
    try:
        channel = transport.open_session()
        if forward_agent:
            AgentRequestHandler(channel)
        with _terminal(channel) as is_terminal:
            begin(channel)
            return _joined(channel, reads=reads or is_terminal)
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise SshError(f"the connection broke: {words_of(error)}") from error


@contextmanager
def _terminal(channel: paramiko.Channel) -> Iterator[bool]:
    """Give the session a terminal like ours, if we read from one and write to one; says whether."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield False
        return
    channel.get_pty(TERMINAL, *shutil.get_terminal_size())
    before = termios.tcgetattr(sys.stdin)
    resized = signal.signal(signal.SIGWINCH, _resizer(channel))
    try:
        tty.setraw(sys.stdin, termios.TCSADRAIN)  # keeps what has been typed ahead
        yield True
    finally:
        signal.signal(signal.SIGWINCH, resized)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _resizer(channel: paramiko.Channel) -> Callable[[int, FrameType | None], None]:
    def resize(number: int, frame: FrameType | None) -> None:
        if not channel.closed:
            channel.resize_pty(*os.get_terminal_size(sys.stdout.fileno()))

    return resize


def _joined(channel: paramiko.Channel, *, reads: bool) -> int:
    """Copy everything both ways until the command has ended; returns its exit status."""
    sys.stdout.flush()
    if reads:
        threading.Thread(target=_send, args=(channel,), daemon=True).start()
    else:
        channel.shutdown_write()
    errors = threading.Thread(target=_receive, args=(channel.recv_stderr, 2), daemon=True)
    errors.start()
    try:
        _receive(channel.recv, 1)
        errors.join()
        status = channel.recv_exit_status()
    finally:
        channel.close()
    if status < 0:
        raise SshError("the connection was lost before the command had ended")
    return status


def _receive(receive: Callable[[int], bytes], descriptor: int) -> None:
    while data := receive(CHUNK):
        while data:
            data = data[os.write(descriptor, data) :]


def _send(channel: paramiko.Channel) -> None:
    try:
        while data := os.read(0, CHUNK):
            channel.sendall(data)
        channel.shutdown_write()
    except (OSError, EOFError, paramiko.SSHException):
        return  # the other side has ended; what it said is told by whoever receives
