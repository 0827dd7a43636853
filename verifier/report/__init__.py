"""A sweep as one page, as pictures for papers, and as tables for other programs."""
