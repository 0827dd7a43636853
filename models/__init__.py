"""Models: load, train, freeze exactly, evaluate, and take tables; and the tasks asked of them.

Knows `interval`; knows nothing of proofs or certificates.
"""
