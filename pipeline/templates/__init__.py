"""Prompts: PromptSource's Jinja templates, compiled to polars where they can be, and sandboxed."""
