#!/bin/sh
# SPDX-License-Identifier: MIT
# The pages of the programs: each option of --help is described, no other is,
# and they read without complaint.

set -eu
LC_ALL=C
export LC_ALL
man=$top_srcdir/man
. "$top_srcdir/tools/testing.sh"

for page in "$man"/*.1; do
	name=$(basename "$page" .1)
	title=$(echo "$name" | tr '[:lower:]' '[:upper:]')
	grep -q "^\.Dt $title 1\$" "$page" || fail "$name: .Dt"
	grep -q "^\.Nm $name\$" "$page" || fail "$name: .Nm"
	for section in NAME SYNOPSIS DESCRIPTION ENVIRONMENT 'EXIT STATUS' \
		EXAMPLES 'SEE ALSO' HISTORY; do
		grep -q "^\.Sh $section\$" "$page" ||
			fail "$name has no section $section"
	done
	awk '/^\.Xr mio/ { print $2 "." $3 }' "$page" | sort -u \
		>"$tmp/references"
	while read -r reference; do
		[ -f "$man/$reference" ] ||
			fail "$name refers to $reference, which is not there"
	done <"$tmp/references"
	sed -n 's/^\.It Fl -\([a-z]*\).*/\1/p' "$page" | sort -u \
		>"$tmp/described"
	[ -x "$top_builddir/tools/$name" ] || continue
	# shellcheck disable=SC2086
	$MIO_EXEC "$top_builddir/tools/$name" --help >"$tmp/help" ||
		fail "$name --help"
	sed -n 's/^  --\([a-z]*\).*/\1/p' "$tmp/help" | sort -u >"$tmp/options"
	[ "$(wc -l <"$tmp/options")" -ge 3 ] || fail "$name: no options"
	diff "$tmp/options" "$tmp/described" ||
		fail "$name: only in --help (<) or in the page (>)"
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/p' "$page" |
		grep -o -e 'Fl -[a-z]*' -e '| -[a-z]*' | sed 's/.* -//' |
		sort -u >"$tmp/synopsis"
	diff "$tmp/options" "$tmp/synopsis" ||
		fail "$name: only in --help (<) or in the SYNOPSIS (>)"
	awk 'length($0) > 80' "$tmp/help" >"$tmp/long"
	[ ! -s "$tmp/long" ] || fail "$name --help has long lines"
done

if ! command -v mandoc >/dev/null; then
	echo 'no mandoc: the pages were not formatted'
	[ $status -ne 0 ] || status=77
	exit $status
fi
for page in "$man"/*.1; do
	mandoc -T lint -W warning "$page" || fail "mandoc: $page"
	! command -v groff >/dev/null || {
		groff -mandoc -Tutf8 -ww "$page" 2>"$tmp/out" >/dev/null
		[ ! -s "$tmp/out" ] || {
			cat "$tmp/out"
			fail "groff: $page"
		}
	}
done
exit $status
