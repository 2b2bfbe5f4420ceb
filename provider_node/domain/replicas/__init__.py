"""Replicas: machines that answer in the node's name, and what the node keeps for them."""
