"""allensdk in an environment of its own, .venv-allen: what it reads of the Allen Institute's warehouse, as a file."""
