#! /bin/sh
# SPDX-License-Identifier: MIT
#
# conformance/runner/rows against the tests there are, and against the catalogue
# where that can be read: each row has a status, each "test" a test, each
# test a row, each gate of gates.c a test that asks for it.  Rows that
# programs other than conformance show are in their comments: "rows: ...".

set -u
LC_ALL=C
export LC_ALL
: "${top_srcdir=.}" "${top_builddir=.}"
dir=$top_srcdir/conformance
rows=$dir/runner/rows
catalogue=$top_srcdir/../shared/CONFORMANCE.md
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

# A file, for most complaints are made in subshells.
complain()
{
	echo "check-rows: $*"
	: >"$tmp/failed"
}

# complain_each TEXT: one for each line of standard input.
complain_each()
{
	while read -r line; do
		complain "$1: $line"
	done
}

# The table itself: ID, tab, status.
grep -v -e '^#' -e '^$' "$rows" >"$tmp/table"
status='test|by: [a-zA]+-[0-9]+|by: [a-z/_]+[.]c|gate: .+|later: .+'
grep -v -E "^[a-zAB]+-[0-9]+	($status)\$" "$tmp/table" |
	complain_each 'not a row with a status'
cut -f 1 "$tmp/table" | sort >"$tmp/ids"
uniq -d "$tmp/ids" | complain_each 'twice in the table'
grep '	test$' "$tmp/table" | cut -f 1 | sort >"$tmp/wanted"
sed -n 's/.*	by: \(.*-.*\)/\1/p' "$tmp/table" | sort -u >"$tmp/by"
comm -23 "$tmp/by" "$tmp/wanted" |
	complain_each 'named with "by:" but has no test of its own'

for file in $(sed -n 's/.*	by: \(.*\.c\)$/\1/p' "$tmp/table"); do
	test -f "$top_srcdir/$file" || complain "there is no $file"
done

# The rows that tests name.
"$top_builddir/tools/mio-conformance" --list=tests >"$tmp/list" || {
	complain '--list=tests fails'
}
test -s "$tmp/list" || complain '--list=tests says nothing'
grep -v '\[.*\]$' "$tmp/list" | complain_each 'a test that names no row'
{
	sed -n 's/.*\[\(.*\)\]$/\1/p' "$tmp/list"
	sed -n 's/^.*[/ ]\* rows: \([^*]*\).*$/\1/p' "$dir"/*/test_*.c
} | tr ' ' '\n' | grep . | sort -u >"$tmp/named"
comm -23 "$tmp/wanted" "$tmp/named" |
	complain_each 'no test names this row'
comm -13 "$tmp/ids" "$tmp/named" |
	complain_each 'named by a test, not in the table'
comm -12 "$tmp/ids" "$tmp/named" | comm -13 "$tmp/wanted" - |
	complain_each 'a test names it, the table says otherwise'

# Gates: the test exists, or the row exists and a test asks.
"$top_builddir/tools/mio-conformance" --list=gates | cut -f 1 | sort -u \
	>"$tmp/all-gates"
sed -n /_/p "$tmp/all-gates" >"$tmp/gated-tests"
awk '{ print $2 }' "$tmp/list" | sort -u >"$tmp/tests"
comm -23 "$tmp/gated-tests" "$tmp/tests" |
	complain_each 'gated in gates.c, but not a test'
sed /_/d "$tmp/all-gates" >"$tmp/gates"
comm -23 "$tmp/gates" "$tmp/wanted" |
	complain_each 'gated in gates.c, but not a row with a test'
sed -n 's/.*GATE("\([^"]*\)").*/\1/p' "$dir"/*/test_*.c | sort -u \
	>"$tmp/asked"
comm -3 "$tmp/gates" "$tmp/asked" | tr -d '	' |
	complain_each 'in gates.c or in a GATE, not in both'

if test -r "$catalogue"; then
	{
		sed -n 's/^| \([a-z]*-[0-9]*\) |.*/\1/p' "$catalogue"
		sed -n '/^## Appendix B/,/^## /s/^\([0-9]*\)\. .*/B-\1/p' \
			"$catalogue"
		# The lines of Appendix A's table, numbered.
		awk '/^## / { wanted = /^## Appendix A/ }
			wanted && /^\| / && !/^\| Situation/ {
				printf "A-%02d\n", ++n
			}' "$catalogue"
	} | sort >"$tmp/catalogue"
	test -s "$tmp/catalogue" || complain 'no rows in the catalogue'
	comm -23 "$tmp/catalogue" "$tmp/ids" |
		complain_each 'in the catalogue, not in the table'
	comm -13 "$tmp/catalogue" "$tmp/ids" | grep -v '^more-' |
		complain_each 'in the table, not in the catalogue'
else
	echo "check-rows: no catalogue at hand to compare the table with"
fi

count()
{
	grep -c "	$1" "$tmp/table"
}
echo "check-rows: $(wc -l <"$tmp/ids") rows: $(count test) tested," \
	"$(count by:) by another's test, $(count gate:) gated," \
	"$(count later:) later"

# What mini can show: a test that needs no process of its own names the row.
"$top_builddir/conformance/mini" --list >"$tmp/mini" ||
	complain 'mini --list fails'
sed 's/, needs .*//' "$tmp/mini" | cmp -s - "$tmp/list" ||
	complain 'mini lists other tests'
sed -n '/needs a process/!s/.*\[\(.*\)\].*/\1/p' "$tmp/mini" | tr ' ' '\n' |
	sort -u | comm -13 - "$tmp/wanted" >"$tmp/not-mini"
echo "check-rows: mini cannot run" $(grep -c 'needs a process' "$tmp/mini") \
	"of $(wc -l <"$tmp/mini") tests, and so not" $(cat "$tmp/not-mini")
test ! -f "$tmp/failed"
