"""Code versions: a hash of the definitions that decide what a stage writes, read from source without importing it.

    code = current_code(cache_folder)
    code.version([definition_of(function), reference("neuropipe.decoders.gru:GRUDecoder")])

`loaded` says whether the code that runs in this process is still the code on disk.
"""

from resources.store.code.definitions import Definition, definition_of, reference
from resources.store.code.loaded import changed_since_start
from resources.store.code.rules import Neutral
from resources.store.code.version import ROOT, CodeBase, current_code

__all__ = [
    "ROOT",
    "CodeBase",
    "Definition",
    "Neutral",
    "changed_since_start",
    "current_code",
    "definition_of",
    "reference",
]
