"""`python -m grusym`: the same as the `grusym` command."""

from grusym.cli import main

if __name__ == "__main__":
    main()
