"""Counting of inputs, class by class, from tables and acceptors."""
