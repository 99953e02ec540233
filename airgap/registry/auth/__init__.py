"""Who asks: what a registry wants to be shown, and where it may send its users for that.

challenge  what a WWW-Authenticate header asks for
realms     which token servers may be asked, and which of them with a password
tokens     fetched and kept, one for each scope
transport  shows the registry what it asks for
"""
