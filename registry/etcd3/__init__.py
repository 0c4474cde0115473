"""The registry in etcd v3, on grpc.aio. `backend` is its entry; all else is its own affair."""

import os

# gRPC writes what it thinks of broken connections to stderr by itself; we say what matters in the log.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
