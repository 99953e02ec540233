"""The partial file: where a bundle grows until all of it is there.

file         the file NAME.partial, owned by one run at a time
extents      ranges of bytes that are there
journal      what it holds
sink         takes one blob, and proves it
kept         what of that is of use to a plan, brought to its place and hashed
moves        in which order kept content moves inside the same file
"""
