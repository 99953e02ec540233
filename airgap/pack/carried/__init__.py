"""carried: what a bundle brings besides images, for whoever finds it.

programs  airgap itself, as one file for the platform of the bundle
page      the page for a person who has never heard of airgap, written from what is inside
"""
