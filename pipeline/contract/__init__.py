"""Formats of what the data side writes and the trainer reads: one schema, writer and reader each."""
