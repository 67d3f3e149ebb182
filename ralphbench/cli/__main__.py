"""`python -m ralphbench.cli`."""

from ralphbench.cli import main

main()
