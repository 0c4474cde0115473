"""From one version of etcd's API to the next: migrate."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from fleetctl.command import command
from fleetctl.endpoint import DEFAULT
from fleetctl.flags import OneOf, Switch, Text, flag
from fleetctl.output import Stop, complain, doing, say
from fleetctl.session import Session
from fleetctl.settings import Settings

if TYPE_CHECKING:
    from registry.settings import Settings as StoreSettings


@command(
    "migrate --to etcd3 [--dry-run|--verify] [--target ENDPOINTS]",
    "Copy all units from etcd v2 to etcd v3, while they run",
    flag("--to", kind=OneOf("etcd3"), default="", help="where to: etcd3"),
    flag("--target", kind=Text(), default="", help="addresses of etcd v3, if not those of --endpoint"),
    flag("--dry-run", kind=Switch(), default=False, help="only say what would be copied"),
    flag("--verify", kind=Switch(), default=False, help="only compare both, and name what differs"),
    description="""\
Copies all units, their contents and desired states, where they run, and the metadata
that were set through the API, from etcd v2 to etcd v3, and then compares both. It
talks to etcd itself: --endpoint has its addresses, by default http://127.0.0.1:2379.
Nothing is changed in etcd v2. It can be run again: only what differs is written.

No engine may lead meanwhile; docs/MIGRATION.md has all steps of the switch.""",
    example="fleetctl --endpoint http://10.0.0.1:2379 migrate --to etcd3",
)
def migrate(session: Session, to: str, target: str, dry_run: bool, verify: bool) -> int:
    """Copy, and compare."""
    if not to:
        raise Stop("It is not said where to (--to etcd3)")
    from fleetctl.migration import migrate as migrated
    from registry.settings import BadSettings

    logging.getLogger("registry").addHandler(logging.NullHandler())  # what matters is said by the errors
    source = _store(session.settings, "", version=2)
    try:
        with doing("Nothing more was copied" if not (dry_run or verify) else "Not compared"):
            found = asyncio.run(
                migrated(source, _store(session.settings, target, version=3), write=not (dry_run or verify))
            )
    except (BadSettings, TimeoutError) as error:
        raise Stop(f"Not copied: {error or 'etcd does not answer in time'}") from error
    for fault in found.lost:
        complain(f"Cannot be copied: {fault}")
    for difference in found.differences:
        say(difference)
    copy = found.copy
    said = f"{len(copy.jobs)} units, {len(copy.schedule)} places, metadata of {len(copy.metadata)} machines"
    if dry_run:
        complain(f"Would be copied: {said}")
        return 0
    if not verify:
        complain(f"Copied: {said}")
    if found.lost or found.differences:
        return 1
    complain("Verified: etcd v3 says what etcd v2 does")
    return 0


def _store(settings: Settings, target: str, *, version: int) -> StoreSettings:
    """How to reach one of both."""
    from fleetctl.direct import DEFAULT_SERVER
    from registry.settings import Settings as StoreSettings

    endpoint = target or (DEFAULT_SERVER if settings.endpoint == DEFAULT else settings.endpoint)
    store = StoreSettings(
        servers=tuple(endpoint.split(",")),
        prefix=settings.etcd_key_prefix,
        request_timeout=settings.request_timeout,
        ca_file=settings.ca_file,
        cert_file=settings.cert_file,
        key_file=settings.key_file,
    )
    return replace(store, api_version=version)
