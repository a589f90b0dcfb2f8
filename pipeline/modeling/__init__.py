"""Encoders, heads and prefix embeddings. Imports torch; knows no task and no layout of files."""
