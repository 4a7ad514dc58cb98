#!/bin/sh
# Installs the system packages that the tests need (or those that are named), where apt may; otherwise names what
# is missing. The tests that need them are then skipped, and the test run says so at its end.

packages='baresip-core sip-tester pulseaudio pulseaudio-utils libasound2-plugins libportaudio2 sox'
[ $# = 0 ] || packages="$*"

present() {
    dpkg-query --show --showformat='${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'
}

if ! command -v dpkg-query >/dev/null; then
    echo "This is no Debian: the live tests need baresip, sipp, PulseAudio, PortAudio and sox installed by hand."
    exit 0
fi

missing=''
for package in $packages; do
    present "$package" || missing="$missing $package"
done
sh tools/find_python.sh >/dev/null 2>&1 || missing="$missing python3-venv"
[ -z "$missing" ] && exit 0

as_root=''
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        echo "NOT INSTALLED:$missing"
        echo "The tests that need them will not run. To run them: sudo apt install$missing"
        exit 0
    fi
fi

echo "Installing what the tests need:$missing"
# shellcheck disable=SC2086  # words are meant
{
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
        $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install --yes --quiet --no-install-recommends $missing </dev/null
} || {
    echo "NOT INSTALLED:$missing (apt failed, see above). The tests that need them will not run."
}
exit 0
