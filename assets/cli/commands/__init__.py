"""One module per command. They import at their top only what is light: `--help` imports all of them."""
