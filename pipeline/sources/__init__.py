"""Raw records from files, installed packages, the hub and the embedded suite.

Knows no form and no schema.
"""
