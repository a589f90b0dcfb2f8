"""Which examples stay, in which role, and why the others were dropped. Needs no model."""
