"""Mutated certificates: how they are made, watched while they are checked, and reported."""
