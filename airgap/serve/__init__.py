"""serve: a read-only registry straight out of a bundle or a layout."""
