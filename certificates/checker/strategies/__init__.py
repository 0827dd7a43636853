"""One file or more for each way to establish a count; `kernel` has the table of them."""
