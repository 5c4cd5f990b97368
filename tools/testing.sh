# SPDX-License-Identifier: MIT
# What tests share: to be sourced.  Sets tmp, and status to 1 when something
# fails.
# shellcheck shell=sh

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0

fail()
{
	echo "FAIL: $*"
	status=1
}

# run EXPECTED ARGUMENT...: runs $program, leaves out and err.
run()
{
	expected=$1
	shift
	got=0
	# shellcheck disable=SC2086
	$MIO_EXEC "$program" "$@" >"$tmp/out" 2>"$tmp/err" || got=$?
	[ $got -eq "$expected" ] || {
		cat "$tmp/out" "$tmp/err"
		fail "${program##*/} $*: exit status $got"
	}
}

# has PATTERN [FILE]: what the last run left.
has()
{
	grep -q -e "$1" "$tmp/${2-out}" || {
		cat "$tmp/${2-out}"
		fail "no '$1' in ${2-out}"
	}
}
