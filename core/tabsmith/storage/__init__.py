"""Durable state: documents replaced whole, journals that only grow, and the locks that guard both."""

from tabsmith.storage.atomic import write_atomic
from tabsmith.storage.documents import Damaged, Document, Found, Loaded, Missing
from tabsmith.storage.journal import Chunk, Journal
from tabsmith.storage.locks import FileLock, Owner, OwnerLock, owner
from tabsmith.storage.typed_journal import TypedChunk, TypedJournal

__all__ = [
    "Chunk",
    "Damaged",
    "Document",
    "FileLock",
    "Found",
    "Journal",
    "Loaded",
    "Missing",
    "Owner",
    "OwnerLock",
    "TypedChunk",
    "TypedJournal",
    "owner",
    "write_atomic",
]
