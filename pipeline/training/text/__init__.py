"""The text view: every row is an input and a target that a language model learns to write."""
