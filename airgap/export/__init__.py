"""export: images out of a bundle as one archive for importers that know no registry.

archive  what such an archive holds, and its bytes
"""
