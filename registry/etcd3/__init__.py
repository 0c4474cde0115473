"""The registry in etcd v3, on grpc.aio. `backend` is its entry; all else is its own affair."""
