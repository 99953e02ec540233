"""Files of this host: what may be read and written, and why it cannot be.

failures     what the system refuses, as errors of airgap
outputs      where files of ours land: every name that is written passes here
inputs       files that are read, and why one cannot be
refusals     what some media refuse, and what can be done without
limits       how large a file may become
"""
