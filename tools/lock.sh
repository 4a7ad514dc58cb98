#!/bin/sh
# Makes requirements.lock (every package by version, with the hash of every file of it), requirements-run.lock (the
# part of it that `make run` needs) and constraints.txt (its versions) anew from pyproject.toml, for every system and
# every Python from 3.11 on. Arguments go to `uv pip compile`: `--upgrade` takes the newest versions,
# `--upgrade-package NAME` those of one package.

set -eu
tool=build/lock
[ -x "$tool/bin/uv" ] || {
    python=$(sh tools/find_python.sh)
    "$python" -m venv "$tool"
    "$tool/bin/python" -m pip install --quiet 'uv==0.13.9'
}

compile() {
    file=$1
    shift
    "$tool/bin/uv" pip compile --quiet pyproject.toml --extra api --extra build --universal --python-version 3.11 \
        --generate-hashes --no-header --no-annotate --output-file "$file" "$@"
}

everything=$tool/requirements.lock
cp requirements.lock "$everything" 2>/dev/null || cp constraints.txt "$everything" # what is locked stays as it is
compile "$everything" --extra test "$@"
part=$tool/requirements-run.lock
cp "$everything" "$part"
compile "$part" --constraint "$everything"
{
    echo '# What `make test` installs, by the hash of every file of each version. Made anew with `make lock`.'
    cat "$everything"
} > requirements.lock
{
    echo '# What `make run` and `make install` install: a part of requirements.lock. Made anew with `make lock`.'
    cat "$part"
} > requirements-run.lock
{
    echo '# The versions that the tests ran with, as in requirements.lock. Made anew with `make lock`.'
    sed -n 's/^\([A-Za-z0-9._-]*==[^ ;\\]*\).*/\1/p' requirements.lock
} > constraints.txt
