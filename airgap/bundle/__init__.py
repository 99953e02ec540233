"""The bundle: one tar that is written in place, proved, and read without being extracted.

tar          headers and paddings, as a pure function of names and sizes
table        airgap.json, as a value
doors        index.json and manifest.json, derived from the images
plan         from images to a file that is known to the byte
writer       fills the planned file in any order, and goes on where it was left
moves        how kept content finds its new place inside the same file
journal      what a partial file holds
reader       opens a bundle, proves it, gives out its content
archive      one image of a bundle as a docker-archive
signing      minisign keys and signatures
lead         the first two members, which are all that a signature check reads
files        failures of the file system as errors of airgap

The format is written down in docs/bundle-format.md.
"""
