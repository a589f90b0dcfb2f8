"""Order algorithms, each in a module of its own: which task has which turn, and which row a turn takes.

`docs/mixing.md` says what each guarantees. Knows names, sizes, quotas and seeds; no file and no text.
"""
