"""Is the cluster well: doctor."""

from __future__ import annotations

from fleetctl.command import command
from fleetctl.output import complain, doing, say
from fleetctl.session import Session


@command(
    "doctor",
    "Check the cluster, and say what to do about what is wrong",
    description="""\
Checks, from the host whose fleetd is asked: every etcd server, records that cannot be
read, who leads, units without content, in two places or on machines that are gone,
versions that differ, and clocks. Prints one line for each finding, with what to do.
Ends with 0 when all is well, with 1 otherwise.""",
    example="fleetctl doctor",
)
def doctor(session: Session) -> int:
    """Print what is wrong."""
    with doing("Error checking the cluster"):
        said = session.api.doctor()
    found = said.get("findings") or ()
    for finding in found:
        say("{}: {} ({})".format(*(finding.get(key, "") for key in ("about", "said", "advice"))))
    if found:
        return 1
    counts = said.get("machines", 0), said.get("units", 0), len(said.get("servers") or ())
    complain("All is well: {} machines, {} units, {} etcd servers".format(*counts))
    return 0
