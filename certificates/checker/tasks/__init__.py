"""Tasks (T13): which label an input has, one file a rule, and the classes by query and label."""
