"""`python -m comparator`."""

from comparator.cli import main

main()
