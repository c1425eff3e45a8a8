"""Lets `python -m rider_hub` be the command line."""

from rider_hub.cli import main

if __name__ == "__main__":
    main()
