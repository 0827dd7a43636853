"""What a notebook or a script does: the public API, which `ballproof` re-exports.

Functions raise and never exit, print nothing unless `progress` is asked for, and return frozen
results, each with `to_dict()` and a card for notebooks.
"""
