"""What a node does: builds, matches, admits sessions, answers them, and accounts for them."""
