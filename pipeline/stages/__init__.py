"""One small module per DVC stage: reads its settings and inputs, calls pure functions, writes.

Each has `main(arguments)`; the first argument is the mixture's name. Only this package knows where
files lie (`layout`) and how they appear whole (`publish`).
"""
