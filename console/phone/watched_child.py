"""Run by path in a fresh interpreter, `watched_child.py PROGRAM ARGUMENT...`: becomes the program, watched.

The watcher is a shell whose input ends when the console is gone, however it went, and which then ends the
program, by SIGTERM so that Baresip sends its BYE. The parent-death signal of Linux is of no use for that: it
comes for each thread of a killed parent, and a second SIGTERM that arrives while the first is being taken
kills Baresip on the spot, without BYE (libre handles signals in the one-shot way of System V). For the
watcher, which has to go with the program, it serves.

A script of its own, because `preexec_fn` would run Python between fork and exec in a process with threads,
which can deadlock. Imports nothing of the console: `-I -S` finds the standard library only.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""prctl(2)"""

END = "read line; kill -TERM {pid}; kill -CONT {pid}; sleep 2; kill -KILL {pid}"
"""What the watcher does. A stopped program takes SIGTERM only when it goes on; one that hangs never does."""


def watch(pid: int, nothing: int) -> None:
    """Become the watcher of process `pid`, our parent. `nothing`: a descriptor of /dev/null."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    if os.getppid() == pid:
        os.execv("/bin/sh", ["sh", "-c", END.format(pid=pid)])
    os._exit(1)


def main() -> None:
    """Become the program, whose input is nothing; ours is the watcher's."""
    nothing = os.open(os.devnull, os.O_RDWR)
    pid = os.getpid()
    if sys.platform == "linux" and os.fork() == 0:
        watch(pid, nothing)
    os.dup2(nothing, 0)
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
