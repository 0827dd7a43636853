"""One-layer attention-only transformers: load, train, freeze exactly, and take path tables.

Knows `interval`; knows nothing of proofs or certificates.
"""
