"""The choice view: every row a question with choices, in layouts that waste little."""
