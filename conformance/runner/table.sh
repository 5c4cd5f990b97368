#! /bin/sh
# SPDX-License-Identifier: MIT
#
# Prints the table backend x area from the counts that run-backend left:
# passed, failed, gated.  Descriptor 9, where it is open, is the terminal.

set -u
: "${top_builddir=.}"
: "${MIO_BACKENDS=$("$top_builddir/tools/mio-conformance" --list=backends)}"

tmp=$top_builddir/conformance/table.$$
trap 'rm -f "$tmp"' EXIT
status=0
for backend in $MIO_BACKENDS; do
	counts=$top_builddir/conformance/$backend.counts
	if test -f "$counts"; then
		cat "$counts"
	else
		echo "$backend - - - -"
		status=1
	fi
done >"$tmp"

table()
{
	awk '
	$2 == "-" {
		missing = missing "  " $1 ": did not run to its end\n"
		next
	}
	{
		if (!($1 in seen_row)) {
			seen_row[$1] = 1
			rows[++nrows] = $1
		}
		if (!($2 in seen_column)) {
			seen_column[$2] = 1
			columns[++ncolumns] = $2
		}
		cell[$1, $2] = $3 "/" $4 "/" $5
		passed[$1] += $3; failed[$1] += $4; gated[$1] += $5
	}
	END {
		columns[++ncolumns] = "all"
		for (r = 1; r <= nrows; ++r)
			cell[rows[r], "all"] = passed[rows[r]] "/" \
			    failed[rows[r]] "/" gated[rows[r]]
		print "conformance: passed/failed/gated"
		line = sprintf("  %-14s", "")
		for (c = 1; c <= ncolumns; ++c) {
			width[c] = length(columns[c])
			for (r = 1; r <= nrows; ++r) {
				len = length(cell[rows[r], columns[c]])
				if (len > width[c])
					width[c] = len
			}
			line = line sprintf(" %" width[c] "s", columns[c])
		}
		print line
		for (r = 1; r <= nrows; ++r) {
			line = sprintf("  %-14s", rows[r])
			for (c = 1; c <= ncolumns; ++c) {
				text = cell[rows[r], columns[c]]
				if (text == "")
					text = "-"
				line = line sprintf(" %" width[c] "s", text)
			}
			print line
		}
		printf "%s", missing
	}' "$tmp"
}

table
if (: >&9) 2>/dev/null; then
	table >&9
fi
exit $status
