"""pack: from references to one bundle file on disk.

pack        the story
request     what is to be packed, and how
lookup      references to images, proved
attached    what is attached to them
small       a config or a signature, read as a whole
image_keys  which of them nobody signed whose key was given
fitting     which of them can travel in one file
sparse      which of them most registries refuse
at_hand     bundles whose content need not be fetched
download    blobs into the file, many at a time
pieces      who fetches which bytes of them next
extras      what travels besides images
carried     airgap itself, and the text of the bundle's own page
pages       that page and the documentation, as members
result      what was packed, and what was not
"""
