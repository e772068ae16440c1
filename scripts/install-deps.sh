#!/bin/sh
# Installs the packages of the given groups (see packages.txt) that are missing:
# install-deps.sh run test
# Asks the network for nothing when nothing is missing.
set -eu

here=$(dirname "$0")

installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

available() {
    [ -n "$(apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v none)" ]
}

# Prints the entries of the wanted groups none of whose names is installed.
missing_entries() {
    for group in "$@"; do
        for entry in $(sed -n "s/^$group: //p" "$here/packages.txt"); do
            found=
            case $entry in
            *\?)
                entry=${entry%\?}
                available "$entry" || found=1
                ;;
            esac
            for name in $(echo "$entry" | tr '|' ' '); do
                if installed "$name"; then
                    found=1
                    break
                fi
            done
            [ -n "$found" ] || echo "$entry"
        done
    done | sort -u
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "$0: this is no Debian or Ubuntu; $here/packages.txt names what to install by hand." >&2
    exit 0
fi

entries=$(missing_entries "$@")
[ -n "$entries" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "$0: packages are missing and neither root nor sudo is at hand. As root, run:" >&2
        echo "    apt-get install" $(echo "$entries" | sed 's/|.*//') >&2
        exit 1
    fi
    as_root=sudo
fi

echo "Installing what is missing:" $entries
$as_root apt-get update -q
entries=$(missing_entries "$@")
names=
for entry in $entries; do
    chosen=
    for name in $(echo "$entry" | tr '|' ' '); do
        if available "$name"; then
            chosen=$name
            break
        fi
    done
    if [ -z "$chosen" ]; then
        echo "$0: no package source here has $entry." >&2
        exit 1
    fi
    names="$names $chosen"
done
$as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends $names </dev/null
