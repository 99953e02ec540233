"""spec: what a bundle is to hold.

spec        the value
load        how it is read, from a file or a pipe
wanted      one image, and where it comes from
image_list  lines such as ``--platform linux/arm64 nginx:1.27``
definition  a YAML mapping
file_names  what a file that is carried along may be called
foreign     lists of other tools
lock        which digest each tag had
strictyaml  the only YAML loader for foreign bytes
defaults    the images and the kind that are carried where nothing else is said
"""
