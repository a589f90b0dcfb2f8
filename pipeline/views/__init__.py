"""Views of the same tasks: how curated rows become text and tokens. A view is one module here."""
