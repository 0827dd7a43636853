"""Deep models in doubles with a running radius: both ends, many prefixes at a time (T16)."""
