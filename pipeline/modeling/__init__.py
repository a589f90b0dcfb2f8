"""Models, their heads and prefix embeddings. Imports torch; knows no layout of files."""
