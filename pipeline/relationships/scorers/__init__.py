"""The scorers: one module and one line of `registry` for each way to score pairs of tasks."""
