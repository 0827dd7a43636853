"""Mutation testing of the kernel: spoil one spot of `certificates/checker`, and see a test fail."""
