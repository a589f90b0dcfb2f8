"""What differs, and why: two recipes side by side, and an artefact beside what it was built from.

Pure functions on mappings, and readers of Git and of DVC's own files; must not know stages or cards.
"""
