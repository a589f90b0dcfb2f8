"""Records to examples, one file per form.

Pure: reads no file, draws no random number, keeps the order of rows.
"""
