"""The RTP packets that a callee of the benchmark received in one call, and how late it was itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from console.demo import g711
from console.ports import PCM

_FRAME = 160


@dataclass(frozen=True, slots=True)
class Packets:
    """`at`: Unix seconds by the kernel. `sequence`, `timestamp`: of RTP, counted on beyond their wrap.
    `payload`: shape (n, 160) for G.711, else (0, 160). `late`: milliseconds by which the callee itself sent
    a packet too late, at its `late_at`."""

    codec: str
    at: npt.NDArray[np.float64]
    sequence: npt.NDArray[np.int64]
    timestamp: npt.NDArray[np.int64]
    payload: npt.NDArray[np.uint8]
    late_at: npt.NDArray[np.float64]
    late: npt.NDArray[np.float64]

    def write(self, folder: Path, who: str) -> None:
        partial = folder / f"{who.lstrip('+')}.part.npz"
        np.savez(partial, **{name: getattr(self, name) for name in self.__slots__})
        partial.rename(folder / f"{who.lstrip('+')}.npz")  # whoever waits for it never reads half of it

    @classmethod
    def read(cls, folder: Path, who: str) -> Self:
        """Those of the last call to `who`; `FileNotFoundError` while it has not ended."""
        with np.load(folder / f"{who.lstrip('+')}.npz") as file:
            return cls(str(file["codec"]), *(file[name] for name in cls.__slots__[1:]))

    def between(self, begin: float, end: float) -> Self:
        """Those of a stretch of time."""
        own = (self.at >= begin) & (self.at < end)
        sent = (self.late_at >= begin) & (self.late_at < end)
        payload = self.payload[own] if len(self.payload) else self.payload
        cut = (self.at[own], self.sequence[own], self.timestamp[own], payload)
        return type(self)(self.codec, *cut, self.late_at[sent], self.late[sent])

    @property
    def missing(self) -> int:
        """Packets that never came."""
        return int(np.ptp(self.sequence)) + 1 - len(self.sequence) if len(self.sequence) else 0

    @property
    def pauses(self) -> npt.NDArray[np.float64]:
        """Milliseconds from each packet to the next."""
        return np.asarray(np.diff(self.at) * 1000)

    def pcm(self) -> PCM:
        """What was heard at 8 kHz, each packet at its place in time; G.711 only."""
        if not len(self.payload):
            return np.zeros(0, np.int16)
        places = self.timestamp - self.timestamp.min()
        wave = np.zeros(int(places.max()) + _FRAME, np.int16)
        samples = np.array(g711.SAMPLES[self.codec], np.int16)[self.payload]
        wave[places[:, None] + np.arange(_FRAME)] = samples
        return wave
