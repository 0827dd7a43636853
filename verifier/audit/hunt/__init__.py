"""Counterexamples: inputs that a certificate counts as right and the model gets wrong."""
