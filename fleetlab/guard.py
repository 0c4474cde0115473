"""The owner's side of the reaper: start it with the lab, tell it when the lab may go."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fleetlab.errors import LabError
from fleetlab.processes import Process

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Guard:
    """A running reaper."""

    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, lab: str, owner: Process) -> "Guard":
        """Start the reaper of the lab."""
        path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
        argv = [sys.executable, "-m", "fleetlab.reaper", lab, str(owner.pid), str(owner.started)]
        return cls(
            subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": path},
                cwd="/",
                start_new_session=True,
            )
        )

    def take_down(self) -> None:
        """Let the reaper take the lab down, and wait until it has. Blocks."""
        _, said = self.process.communicate()  # closes the pipe, which is the word it waits for
        if self.process.returncode:
            raise LabError(f"the lab could not be taken down: {said.decode(errors='replace').strip()}")

    def dismiss(self) -> None:
        """End the reaper and leave the lab. Blocks for a moment."""
        self.process.kill()
        self.process.communicate()
