"""Mutated certificates that the checker must refuse."""
