"""The shared state of a cluster: its records, one async interface, and the backends behind it.

`records` says what is stored, `port` what can be done with it, `errors` what can go wrong.
The backends (`etcd3`, `memory`) are chosen in `registry.open`, by the commands alone.
"""
