"""The nouns of the OCI specifications as values: they hold only if valid, and do no I/O.

digest       what content is called
reference    what people call an image
platform     what an image runs on
strictjson   the only JSON loader for foreign bytes
manifest     manifests, indexes and descriptors
image        an image as it is carried: its manifests and blobs
"""
