"""Compiles Jinja templates to programs of polars expressions over whole columns."""
