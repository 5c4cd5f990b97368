#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints the public functions, sorted: names.sh headers, as the headers
# declare them; names.sh map, as lib/libmio.map exports them, with the node.

set -eu
: "${top_srcdir:=$(dirname "$0")/..}"

headers()
{
	cat "$top_srcdir"/include/mio/*.h | awk '
		/^MIO_API/ { wanted = 1 }
		wanted && match($0, /mio_[a-z0-9_]+\(/) {
			print substr($0, RSTART, RLENGTH - 1)
			wanted = 0
		}'
}

map()
{
	awk '
		/^[A-Z]/ { node = $1 }
		/^\tmio_[a-z0-9_]*;$/ { sub(/;/, "", $1); print $1 "@@" node }
		' "$top_srcdir/lib/libmio.map"
}

case ${1-} in
headers|map) "$1" | LC_ALL=C sort ;;
*) echo 'usage: names.sh headers | map' >&2; exit 2 ;;
esac
