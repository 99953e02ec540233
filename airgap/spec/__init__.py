"""spec: what a bundle is to hold, from image lists and definitions."""
