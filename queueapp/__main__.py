"""`python -m queueapp`."""

from queueapp.cli import main

main()
