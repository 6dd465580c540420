"""The last steps before a draft becomes an artifact: temporary files removed, manifest written, all on the disk."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resources.files.safe_files import sync
from resources.store.artifact import Draft
from resources.store.manifest import MANIFEST, hash_tree, irregular, seal, sync_tree, tree_version

SCHEMA = 2


def finish(
    draft: Draft, asset: str, fingerprint: str, ingredients: Mapping[str, Any], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Make a draft ready for its rename: only data, extras and manifest, all on the disk. Returns the manifest."""
    for path in draft.path.iterdir():
        if path not in (draft.data, draft.extras):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if links := irregular(draft.data):
        raise ValueError(f"{links[0]} of {asset} is not a regular file, so it can't be committed")
    files = hash_tree(draft.data)
    manifest = {
        "data_version": tree_version(files),
        "schema": SCHEMA,
        "asset": asset,
        "fingerprint": fingerprint,
        "ingredients": ingredients,
        "metadata": draft.metadata,
        "checks": draft.checks,
        "bytes": sum(n for _, n in files.values()),
        **facts,
        "files": files,
    }
    sealed = seal(manifest)
    (draft.path / MANIFEST).write_bytes(sealed)
    sync_tree(draft.path)
    return json.loads(sealed)


def make_folder(folder: Path, root: Path) -> None:
    """Make a folder in `root`, with every new name on the disk."""
    if not folder.is_dir():
        if folder != root:
            make_folder(folder.parent, root)
        folder.mkdir(parents=True, exist_ok=True)
        sync(folder.parent)
