"""From a problem and a strategy to a certificate that the standalone checker has verified."""
