"""The forms: what a card's `fields` may say, a file for each; `registry.py` lists them.

How records become the examples of a form is in the file of the same name in `pipeline/normalize/`.
"""
