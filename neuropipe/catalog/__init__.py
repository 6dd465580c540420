"""The catalogue: which data sets and sessions there are, where their files lie and what to decode from them."""

from neuropipe.catalog.datasets import DatasetEntry, Modality, SessionEntry
from neuropipe.catalog.entries import (
    DATASET_NAME,
    FILE_NAME,
    SESSION_NAME,
    AnyTask,
    ContinuousTask,
    Entry,
    FileEntry,
    FoldsEntry,
    Name,
    Sha256,
    Task,
    check_window,
)
from neuropipe.catalog.plugins import check_plugins, plugin_of
from neuropipe.catalog.sessions import Catalog, Session

__all__ = [
    "DATASET_NAME",
    "FILE_NAME",
    "SESSION_NAME",
    "AnyTask",
    "Catalog",
    "ContinuousTask",
    "DatasetEntry",
    "Entry",
    "FileEntry",
    "FoldsEntry",
    "Modality",
    "Name",
    "Session",
    "SessionEntry",
    "Sha256",
    "Task",
    "check_plugins",
    "check_window",
    "plugin_of",
]
