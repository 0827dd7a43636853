"""What knows weight matrices: the layout of a model, its exact tables, its attention."""
