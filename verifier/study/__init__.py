"""The study as one command: many models, many strategies, one folder of results."""
