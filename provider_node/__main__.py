"""`python -m provider_node` is the command `provider-node`."""

from provider_node.cli import main

main()
