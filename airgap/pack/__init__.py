"""pack: from references to one bundle file on disk.

pack      the story
request   what is to be packed, and how
lookup    references to images, proved
fitting   which of them can travel in one file
sparse    which of them most registries refuse
at_hand   bundles whose content need not be fetched
download  blobs into the file, many at a time
pieces    who fetches which bytes of them next
extras    what travels besides images
carried   what a bundle brings for whoever finds it: airgap itself, and pages
result    what was packed, and what was not
"""
