"""pack: from references to one bundle file on disk.

pack      the story
lookup    references to images, proved
download  blobs into the file, many at a time
pieces    who fetches which bytes of them next
extras    what travels besides images
"""
