#!/bin/sh
# Prints a Python 3.11 or newer that can make a virtual environment, or says what to install.

for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    path=$(command -v "$name") || continue
    "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    found=$path
    if "$path" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "$path"
        exit 0
    fi
done

if [ -n "$found" ]; then
    echo "$found cannot make virtual environments: install python3-venv (Debian: sudo apt install python3-venv)." >&2
else
    echo "Python 3.11 or newer is needed (Debian 12: sudo apt install python3 python3-venv)." >&2
fi
exit 1
