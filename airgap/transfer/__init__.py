"""transfer: content from one end to the other, over ports that know no protocol.

ports  what an end can do: Source, Store, Target
push   images from a Store to a Target
"""
