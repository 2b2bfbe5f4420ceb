"""The platform's rules. Time, keys and randomness are arguments; the store is the transaction handed in."""
