"""inspect: what is inside a bundle."""
