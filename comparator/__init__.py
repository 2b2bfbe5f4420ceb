"""The control plane: catalogue, applications, grants, tickets and the comparison log.

It never sees a record, a digest or a result.
"""

# Before anything imports gRPC.
import stayput.rpc.only_tls13  # noqa: F401 (imported for what it does)
