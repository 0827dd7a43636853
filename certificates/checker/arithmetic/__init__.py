"""Numbers: exact integers, enclosures, lanes, matrices, and the count of operations."""
