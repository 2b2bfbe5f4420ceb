"""Adapters from gRPC to the node's domain: convert, call one function, convert."""
