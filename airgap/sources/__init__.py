"""sources: where images come from."""
