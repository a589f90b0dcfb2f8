"""Which examples stay, in which role, and why the others went. Never sees a model."""
