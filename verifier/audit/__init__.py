"""Attack a certificate: check it again, recompute it, look for what it gets wrong, and forge it."""
