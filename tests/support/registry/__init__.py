"""A registry in memory, for tests.

content   what it holds
uploads   how it takes blobs
memory    the registry
doors     who is let in: passwords, tokens
quirks    habits of Docker Hub, Harbor, ECR and others
storage   blobs behind redirects
"""

from tests.support.faults import Fault, Request, Rule, error, on, redirect
from tests.support.registry.content import Content
from tests.support.registry.memory import MemoryRegistry

__all__ = [
    "Content",
    "Fault",
    "MemoryRegistry",
    "Request",
    "Rule",
    "error",
    "on",
    "redirect",
]
