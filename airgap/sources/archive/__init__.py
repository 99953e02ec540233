"""archive: a tar, plain or gzipped, read in place at any offset; nothing is extracted.

medium   bytes at an offset of a file
gzipped  the same of a gzip file, by snapshots of its decoder
members  where each file in the tar lies
tape     a tar that comes once, from its first byte to its last
files    the files in it by name, as `airgap.sources.files` has those of a folder
"""
