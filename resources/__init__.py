"""Plug points to the world: the artifact store, memoisation, downloads. Imports neuropipe, never assets."""
