"""The bundle: one tar that is written in place, proved, and read without being extracted.

format          names of members, their order, modes and limits: what both sides know
tar             headers and paddings, as a pure function of names and sizes
table           airgap.json, as a value
indexes         index.json and manifest.json, derived from the images
plan            from images to a file that is known to the byte
writer          fills the planned file in any order, and goes on where it was left
partial         the file that a bundle grows in, and what of an earlier run is kept
medium          bytes at an offset of an open file
head            the first two members, which are all that a signature check reads
members         an opened file: its framing compared, its content proved as it is read
compare         what SHA256SUMS, airgap.json and the manifests say must fit together
reader          opens a bundle and proves it
signature       whether a bundle's signatures hold, and making one
certificate     the registry's certificate that a bundle carries
archives        one image of a bundle as a tar that docker or containerd loads

The format is written down in docs/bundle-format.md.
"""
