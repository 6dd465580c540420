"""`python -m neuropipe`: the command, without its script."""

from neuropipe.console import main

main()
