"""The registry in etcd v2, in the layout of fleet 1.0, so that both can serve one cluster.

`backend` is its entry; all else is its own affair. The v2 API writes one key at a time, so less is
promised here than in v3:

- The writes of a leader are checked against its lease just before they are sent (by a read through the
  quorum, at least every `PROOF_LASTS` seconds, and by the clock and what is heard of the lease before
  each); the few that are under way when the lease ends can still land. As in 1.0 a target is only created
  where there is none, or removed where it names the machine that is to be left. So the worst of a late
  leader is a target that its successor does not want, and one that is missing though its successor had set
  it to the same machine anew: a unit is then started or stopped once too often. Its offers and verdicts
  overwrite others, or remove them; nobody sees offers of who does not lead, and who leads asks again. In
  every case the one who leads sees what has landed and mends it.
- What a host says of its units is checked by the quorum when a report or a bid begins, and before each word
  by what is heard of its presence, and by the quorum again when the clock says that it may have ended.
- A unit's content and its desired state are two keys: others can see the one changed and the other not
  yet. Creating writes the state first, so nobody ever sees a unit without one.
- A schedule entry is the unit's `target`: one machine per unit, always with the unit's own content and
  desired state. What a unit is to do therefore changes for its host as soon as its owner changes it.
- What hangs on a lease in v3 ends here each with a time of its own. Views hide what a machine that is
  not present says, and the offers of whoever no longer leads, so readers of ours see one moment.
"""
