"""The provider's data service node: hashes and matches locally, and lets only match results out."""

# Before anything imports gRPC.
import stayput.rpc.only_tls13  # noqa: F401 (imported for what it does)
