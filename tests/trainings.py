"""Trainings of mixtures that tests write."""

TRAININGS = {
    "compass": {"recipe": "all", "start": "base"},
    "tailored": {"recipe": "tailored", "start": "compass"},
}
TRAININGS_YAML = "trainings: {compass: {recipe: all, start: base}}\n"
