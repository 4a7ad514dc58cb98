"""The entry point of `call-console`, and `python -m console`."""

from . import early_stop


def main() -> None:
    early_stop.watch()
    # Half a second of imports, in which a signal may come.
    from .cli import main as run

    run()


if __name__ == "__main__":
    main()
