"""sources: where images come from.

choose          each image from where it is said to be, as one Source
registry        registries; clients: one for each, all ended by one Stop
place           what lies on this machine; its form is found by content
layout          an OCI image layout, in a folder or an archive
docker_archive  what docker save and its like wrote
archive         a tar, plain or gzipped, read in place
files           files by name, in a folder or an archive
named           what images are called there
store           any Store that knows its images, as a Source
"""
