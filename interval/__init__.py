"""Ground floor: exact dyadic numbers, enclosures (balls) and outward-rounded integer lanes.

Knows nothing of models or certificates.
"""
