"""Help for tests, and for benchmarks that try the same things at length."""
