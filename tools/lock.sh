#!/bin/sh
# Makes constraints.txt (versions) and requirements.lock (the same, with the hash of every file of each) anew
# from pyproject.toml, for every system and every Python from 3.11 on. Arguments go to `uv pip compile`:
# `--upgrade` takes the newest versions, `--upgrade-package NAME` those of one package.

set -eu
tool=build/lock
[ -x "$tool/bin/uv" ] || {
    python=$(sh tools/find_python.sh)
    "$python" -m venv "$tool"
    "$tool/bin/python" -m pip install --quiet 'uv==0.13.9'
}
fresh=$tool/requirements.lock
cp requirements.lock "$fresh" 2>/dev/null || cp constraints.txt "$fresh" # what is locked stays as it is
"$tool/bin/uv" pip compile --quiet pyproject.toml --extra api --extra test --universal --python-version 3.11 \
    --generate-hashes --no-header --no-annotate --output-file "$fresh" "$@"
{
    echo '# What `make install` installs, by the hash of every file of each version. Made anew with `make lock`.'
    cat "$fresh"
} > requirements.lock
{
    echo '# The versions that the tests ran with, as in requirements.lock. Made anew with `make lock`.'
    sed -n 's/^\([A-Za-z0-9._-]*==[^ ;\\]*\).*/\1/p' requirements.lock
} > constraints.txt
