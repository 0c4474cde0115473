"""completion: what makes shells complete fleetctl's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from fleetctl.command import FleetCommand, words
from fleetctl.output import USAGE, Stop, say


class _Completion(FleetCommand):
    """Needs no cluster, so no session is opened."""

    def invoke(self, ctx: click.Context) -> Any:
        """Print the script of the shell that is named."""
        if ctx.params["help"]:
            return super().invoke(ctx)
        from fleetctl.shells import SCRIPTS

        shell: Sequence[str] = ctx.params["words"]
        if len(shell) != 1 or shell[0] not in SCRIPTS:
            raise Stop(f"Which shell? fleetctl {self.usage}", USAGE)
        say(SCRIPTS[shell[0]].removesuffix("\n"))
        return 0


completion = _Completion(
    "completion",
    lambda session: None,
    [words("words")],
    "completion bash|zsh|fish",
    short_help="Print what makes a shell complete commands, flags, units and machines",
    help="""\
Prints a script for the shell. Names of units and machines come from the cluster
that the flags before them, the environment or the context in use mean.""",
    example="""\
source <(fleetctl completion bash)
fleetctl completion zsh > ~/.zfunc/_fleetctl
fleetctl completion fish > ~/.config/fish/completions/fleetctl.fish""",
)
