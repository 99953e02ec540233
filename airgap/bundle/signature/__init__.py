"""Signatures of a bundle, the one inside and those in files beside it.

check   whether one by a trusted key holds
sign    proves a bundle, and signs it
"""
