"""Several heads and an MLP, class by class: thresholds, intervals, boxes, and walks (T14, T15)."""
