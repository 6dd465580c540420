"""The catalogue: which data sets and sessions there are, where their files lie and what to decode from them."""

from neuropipe.catalog.datasets import DatasetEntry, Modality, SessionEntry
from neuropipe.catalog.entries import (
    DATASET_NAME,
    FILE_NAME,
    SESSION_NAME,
    AnyTask,
    FileEntry,
    Name,
    Sha256,
)
from neuropipe.catalog.plugins import check_plugins, plugin_of
from neuropipe.catalog.sessions import Catalog, Session
from neuropipe.tasks.entry import Entry, FoldsEntry, TaskEntry, check_window

__all__ = [
    "DATASET_NAME",
    "FILE_NAME",
    "SESSION_NAME",
    "AnyTask",
    "Catalog",
    "DatasetEntry",
    "Entry",
    "FileEntry",
    "FoldsEntry",
    "Modality",
    "Name",
    "Session",
    "SessionEntry",
    "Sha256",
    "TaskEntry",
    "check_plugins",
    "check_window",
    "plugin_of",
]
