"""`python -m ralphbench`."""

from ralphbench.cli import main

main()
