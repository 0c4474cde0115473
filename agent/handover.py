"""Giving the units of a host away so that those that may run twice for a moment are never down.

A host that leaves the cluster is gone for the others: the engine places its units anew, while the processes
here still run. Units with `Handover=start-first` are stopped only then, as their replacements come up.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Iterable, Mapping

from agent.host import Present, Stage
from agent.returning import has_other_place, why_let_go
from registry.errors import RegistryError
from registry.port import Everything, Registry
from units.requirements import starts_first

log = logging.getLogger(__name__)

REPLACED_WITHIN = 30.0
"""Seconds that a host that is leaving waits for the replacements of its units."""
ANSWER_WITHIN = 2.0
"""Seconds for the registry to say which units these are; most are remembered."""


async def start_first(registry: Registry, present: Mapping[str, Present]) -> frozenset[str]:
    """Those of the units that run here that want to be replaced before they stop."""
    hashes = {name: unit.hash for name, unit in present.items() if unit.stage is Stage.LAUNCHED and unit.hash}
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            files = [await registry.unit_file(hash) for hash in hashes.values()]
    except (RegistryError, TimeoutError) as error:
        log.warning("could not find out which units start elsewhere first: %s", error or "no answer")
        return frozenset()
    pairs = zip(hashes, files, strict=True)
    return frozenset(name for name, file in pairs if file and starts_first(file.options))


async def replaced(
    registry: Registry, machine: str, names: Collection[str], *, within: float = REPLACED_WITHIN
) -> AsyncIterator[str]:
    """Each of the units once its replacement is up, and after `within` seconds whatever is left.

    To be used when this machine has left the cluster.
    """
    left = set(names)
    try:
        async with asyncio.timeout(within), registry.follow(Everything()) as view:
            while left:
                picture = view.picture
                others = picture.machines.keys() - {machine}
                for name in sorted(left):
                    waits = others and name in picture.jobs and not has_other_place(name, machine, picture)
                    if not waits and (said := why_let_go(name, machine, picture)):
                        log.info("%s stops here: %s", name, said)
                        left.discard(name)
                        yield name
                if left:
                    await view.after(picture)
    except TimeoutError:
        log.warning("without a replacement within %g s: %s", within, _listed(left))
    except RegistryError as error:
        log.warning("could not see the replacements of %s: %s", _listed(left), error)
    for name in sorted(left):
        yield name


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
