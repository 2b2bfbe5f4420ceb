"""What a department sees of the catalogue, of descriptions, and of its applications and grants."""
