"""The command, also as `python -m deltaloop`; the installed `deltaloop` begins without this."""

from _deltaloop_command import main

if __name__ == "__main__":
    main()
