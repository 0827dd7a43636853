"""Proofs of how many inputs a small transformer gets right.

`ballproof.interval` holds numbers, `ballproof.models` weights and tasks, `ballproof.verifier` the
prover, `ballproof.certificates` the certificate's format and the standalone checker.
"""
