"""Measurements: how fast, and how much memory it takes."""
