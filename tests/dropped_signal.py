"""For programs of their own: a SIGTERM whose exception Python drops, as any that is raised in `__del__`."""

import signal

from console import early_stop


class Dropped:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)
        while not early_stop.asked():
            pass


def drop_a_signal() -> None:
    """Send it to ourselves and lose what its handler raises."""
    early_stop.watch()
    Dropped()
