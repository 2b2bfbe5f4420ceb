"""What every party of Stayput must agree on: normalising, hashing, sealing, signing and the wire."""
