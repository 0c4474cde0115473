"""Which past a member of etcd knows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class History:
    """What stands in the header of an answer: the cluster, the term of its leader, its revision."""

    cluster: int
    term: int
    revision: int

    @classmethod
    def of(cls, header: Any) -> History:
        """The history in the header of a message."""
        return cls(header.cluster_id, header.raft_term, header.revision)

    def continues(self, earlier: History) -> bool:
        """Whether this can be the same past at a later time.

        It is not after etcd was emptied, or restored from a backup. It may seem not to be when another
        member answers that lags behind.
        """
        return (
            self.cluster == earlier.cluster
            and self.term >= earlier.term
            and self.revision >= earlier.revision
        )
