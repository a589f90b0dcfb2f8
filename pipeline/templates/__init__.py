"""Texts composed from columns. Knows expressions; never sees a task or a file."""
