"""Wrong inputs, counted class by class: exact tables, weights, signs, branch and count."""
