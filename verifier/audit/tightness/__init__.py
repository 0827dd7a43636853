"""Where a bound is loose: each relaxation beside the truth."""
