"""sources: where images come from.

choose          each image from where it is said to be, as one Source
registry        registries; clients: one for each, all ended by one Stop
place           what lies on this machine; its form is found by content
layout          an OCI image layout, in a folder or an archive
belonging       what in it is no image of its own
docker_archive  what docker save and its like wrote
docker_daemon   what a docker daemon has, from its registry where that still has it
export          what the daemon alone has, as it comes
failing         what is known not to be there, told with all other failures
archive         a tar, plain or gzipped, read in place
files           files by name, in a folder or an archive
named           what images are called there
store           any Store that knows its images, as a Source
"""
