"""targets: where images go."""
