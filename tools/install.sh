#!/bin/sh
# install.sh LOCK WHAT: installs the packages of a lock file, and this one, into the virtual environment. What pip
# says goes to a log file, and is shown when it fails.

lock=$1 what=$2
python=${BIN:-.venv/bin}/python
log=build/install.log

mkdir -p build
printf 'Installing %s (about a minute)... ' "$what"
{
    # an environment whose making was cut short has a Python and no pip
    { "$python" -c 'import pip' >/dev/null 2>&1 || "$python" -m ensurepip; } &&
        "$python" -m pip install --require-hashes --requirement "$lock" &&
        "$python" -m pip install --no-deps --no-build-isolation --editable .
} >"$log" 2>&1 </dev/null && echo 'done.' && exit 0

echo 'FAILED:'
cat "$log"
echo
echo "NOT INSTALLED: pip failed, as it says above (and in $log)." \
    'Mend that (most often the network, a proxy, or a full disk) and run the same command again.'
exit 1
