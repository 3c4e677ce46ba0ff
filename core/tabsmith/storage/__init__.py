"""Durable state: documents replaced whole, journals that only grow, and the locks that guard both."""

from tabsmith.storage.documents import Damaged, Document, Found, Loaded, Missing
from tabsmith.storage.files import file_stem, write_atomic
from tabsmith.storage.journal import JournalChunk, TypedJournal
from tabsmith.storage.locks import FileLock, LockOwner, OwnerLock, lock_owner
from tabsmith.storage.sealed import FileFingerprint, fingerprint_file, sealed_folder, verify_file, verify_sealed

__all__ = [
    "Damaged",
    "Document",
    "FileFingerprint",
    "FileLock",
    "Found",
    "JournalChunk",
    "Loaded",
    "LockOwner",
    "Missing",
    "OwnerLock",
    "TypedJournal",
    "file_stem",
    "fingerprint_file",
    "lock_owner",
    "sealed_folder",
    "verify_file",
    "verify_sealed",
    "write_atomic",
]
