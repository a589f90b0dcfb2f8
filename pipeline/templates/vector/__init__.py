"""Templates as programs of polars expressions over whole columns. Knows forms, never Jinja."""
