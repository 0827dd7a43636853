"""Models by their parts: architectures, their exact tables and attention weights."""
