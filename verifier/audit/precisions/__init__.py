"""Bounds recomputed in balls, at two precisions."""
