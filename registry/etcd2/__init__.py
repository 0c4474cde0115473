"""The registry in etcd v2, in the layout of fleet 1.0, so that both can serve one cluster.

`backend` is its entry; all else is its own affair. The v2 API writes one key at a time, so less is
promised here than in v3:

- The writes of a leader are checked against its lease just before they are sent (by a read through the
  quorum, at least every `PROOF_LASTS` seconds, and by the clock before each); a write that is under way
  when the lease ends can still land. None of them overwrites what it did not expect, so the worst that
  lands is a target for a unit that had none. The same holds for what a host says of its units.
- A unit's content and its desired state are two keys: others can see the one changed and the other not
  yet. Creating writes the state first, so nobody ever sees a unit without one.
- A schedule entry is the unit's `target`: one machine per unit, always with the unit's own content and
  desired state. What a unit is to do therefore changes for its host as soon as its owner changes it.
- What hangs on a lease in v3 ends here each with a time of its own. Views hide what a machine that is
  not present says, and the offers of whoever no longer leads, so readers of ours see one moment.
"""
