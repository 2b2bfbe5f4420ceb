"""gRPC adapters: convert, call one domain function, convert."""
