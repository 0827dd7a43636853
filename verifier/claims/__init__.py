"""Claims that other tools make about a model, class by class, decided exactly."""
