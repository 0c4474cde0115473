"""The registry over any store of keys with revisions, leases and guarded transactions.

`transactions` is what such a store is told, `writes` says which transactions make up the verbs of the
registry, `store` is what a store must do, and `registry` is the registry over it. The memory and the
etcd v3 backends are two such stores, so what is tried on one holds for the other. (The layout of etcd
v2 is another one and has a backend of its own.)
"""
