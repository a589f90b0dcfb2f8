"""A small model on fixed features: joint training of many task sets in seconds, in numpy alone."""
