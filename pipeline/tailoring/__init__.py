"""Tailor: which complements a target gets, how many rows of each, and why."""
