"""Scores of how much one task helps another. Never sees report rows."""
