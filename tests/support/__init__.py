"""Small models to test with, and the exact truth about them."""
