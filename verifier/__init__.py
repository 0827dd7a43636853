"""Everything untrusted: strategies, their search and bounds, and the command line.

A bug here may lose a bound; it must never certify a false one, because every certificate is
re-validated by `certificates/checker`, which shares no code with this package.
"""
