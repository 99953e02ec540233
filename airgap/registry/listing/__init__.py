"""listing: what a registry tells of its content.

referrers  what is attached to a manifest
presence   whether something is there
"""
