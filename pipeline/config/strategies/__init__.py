"""The sampling strategies: what a card may say to each, and what each makes of it.

A strategy is one class and one line of `registry.py`.
"""
