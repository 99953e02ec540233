"""One module for each command, or for a few that belong together: options, one call, words."""
