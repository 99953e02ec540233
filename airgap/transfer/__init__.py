"""transfer: content from one end to the other, over ports that know no protocol.

ports    what an end can do: Source, Store, Target
stop     one value that ends a run, and the clock
workers  many things at a time
landing  an image under one name at a target, and what that needs
push     images from a Store to a Target
report   what that did, and what failed
"""
