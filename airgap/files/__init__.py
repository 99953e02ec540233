"""Files of this host: what may be read and written, and why it cannot be.

failures     what the system refuses, as errors of airgap
outputs      where files of ours land: every name that is written passes here
"""
