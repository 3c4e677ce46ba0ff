"""Durable state: documents replaced whole, journals that only grow, and the locks that guard both."""

from tabsmith.storage.documents import Damaged, Document, Found, Loaded, Missing
from tabsmith.storage.files import file_stem, write_atomic
from tabsmith.storage.journal import JournalChunk, TypedJournal
from tabsmith.storage.locks import FileLock, LockOwner, OwnerLock, lock_owner

__all__ = [
    "Damaged",
    "Document",
    "FileLock",
    "Found",
    "JournalChunk",
    "Loaded",
    "LockOwner",
    "Missing",
    "OwnerLock",
    "TypedJournal",
    "file_stem",
    "lock_owner",
    "write_atomic",
]
