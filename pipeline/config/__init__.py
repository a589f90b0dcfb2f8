"""Task cards, mixture cards and params.yaml as frozen, strict models, and the one YAML reader.

Knows what a person may write; must not know how any of it is carried out.
"""
