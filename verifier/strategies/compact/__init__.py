"""Compact proofs of models with one layer of neurons: every input, with less than all of it."""
