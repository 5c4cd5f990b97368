#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual is complete, agrees with the headers, and reads without
# complaint.

set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=$(dirname "$0")/..}"
man=$top_srcdir/man
. "$top_srcdir/tools/testing.sh"

# expect_none FILE WHAT: complains about each line that is in FILE.
expect_none()
{
	while read -r line; do
		fail "$2: $line"
	done <"$1"
}

# Pages and links.
: >"$tmp/pages"
for path in "$man"/*.[37]; do
	file=$(basename "$path")
	if [ "$(head -c 4 "$path")" != '.so ' ]; then
		echo "$file" >>"$tmp/pages"
		continue
	fi
	page=$(sed -n 's/^\.so man3\/\([A-Za-z0-9_]*\.3\)$/\1/p' "$path")
	if [ "$(wc -l <"$path")" -ne 1 ] || [ ! -f "$man/$page" ] ||
	    [ "$(head -c 4 "$man/$page")" = '.so ' ]; then
		fail "$file is no link of one line to a page"
	else
		echo "${file%.*} $page" >>"$tmp/links"
	fi
done
[ -s "$tmp/pages" ] && [ -s "$tmp/links" ] || {
	echo 'FAIL: no pages'
	exit 1
}

# Each page's names are itself and the links to it.
while read -r page; do
	awk -v page="$page" '
		/^\.Sh/ { names = $2 == "NAME" }
		names && $1 == ".Nm" && $2 "." substr(page, length(page)) != \
			page { print $2, page }' "$man/$page"
	grep -q "^\.Nm ${page%.*}\( ,\)*\$" "$man/$page" ||
		fail "$page does not name itself"
	title=$(echo "${page%.*} ${page##*.}" | tr '[:lower:]' '[:upper:]')
	grep -q "^\.Dt $title\$" "$man/$page" || fail "$page: .Dt"
done <"$tmp/pages" | sort >"$tmp/named"
grep '^FAIL' "$tmp/named" && status=1
sort "$tmp/links" | diff - "$tmp/named" | sed -n 's/^[<>]/&/p' >"$tmp/out"
expect_none "$tmp/out" 'link (<) and .Nm (>) disagree'

# Every public function and every public macro is in a page.
{
	sh "$top_srcdir/checks/names.sh" headers
	sh "$top_srcdir/checks/names.sh" map | sed 's/@@.*//'
} | sort -u >"$tmp/functions"
[ "$(wc -l <"$tmp/functions")" -gt 10 ] || fail 'no public functions found'
while read -r name; do
	[ -f "$man/$name.3" ] || fail "$name has no page"
done <"$tmp/functions"
awk '/^#define MIO_[A-Z_]+/ && !/_H$/ {
		sub(/\(.*/, "", $2)
		print $2
	}' "$top_srcdir"/include/mio/*.h |
	grep -v -e '^MIO_API$' -e '^MIO_INLINE$' -e '_DECLS$' -e '_$' >"$tmp/macros"
while read -r name; do
	cat "$man"/*.[37] | grep -q "^\.\(Fd #define\|Fn\) $name\( \|$\)" ||
		fail "$name is in no SYNOPSIS"
done <"$tmp/macros"
[ "$(wc -l <"$tmp/macros")" -gt 10 ] || fail 'no public macros found'

# Debian's libsndio-dev has pages of these names.
for name in open close read write nfds pollfd revents eof; do
	[ ! -e "$man/mio_$name.3" ] || fail "mio_$name.3 is sndio's"
done

# The list to install is the directory.
sed -n 's/^	man\/\([^ ]*\.[37]\).*/\1/p' "$man/local.mk" >"$tmp/list"
(cd "$man" && ls ./*.[37]) | sed 's/^..//' | sort |
	diff - "$tmp/list" | sed -n 's/^[<>]/&/p' >"$tmp/out"
expect_none "$tmp/out" 'in man (<) or in man/local.mk (>), sorted, only'

# SYNOPSIS and headers, both as one line for each prototype.
normal='{
	gsub(/[ \t]+/, " ")
	gsub(/ ?\* ?/, "*")
	gsub(/ ?\( ?/, "(")
	gsub(/ ?\) ?/, ")")
	gsub(/ ?, ?/, ",")
	gsub(/ ?[{] ?/, "{")
	gsub(/ ?[}] ?/, "}")
	gsub(/ ?; ?/, ";")
	sub(/^ /, "")
	sub(/ $/, "")
	print
}'
cat "$top_srcdir"/include/mio/*.h | awk '
	{ text = text " " $0 "\n" }
	END {
		gsub(/\\\n/, "", text)
		gsub(/\n *#[^\n]*/, "", text)
		gsub(/\n/, " ", text)
		while ((i = index(text, "/*")) > 0) {
			rest = substr(text, i + 2)
			text = substr(text, 1, i - 1) " " \
			    substr(rest, index(rest, "*/") + 2)
		}
		print text
	}' >"$tmp/header"
awk '{
		gsub(/ MIO_INLINE /, " ")
		n = split($0, part, / MIO_API /)
		for (i = 2; i <= n; i++) {
			sub(/[;{].*/, "", part[i])
			print part[i]
		}
	}' "$tmp/header" | awk "$normal" | sort >"$tmp/declared"
while read -r page; do
	awk '
	function argument(text) {
		arguments = arguments (arguments == "" ? "" : ", ") text
	}
	/^\.Sh/ { wanted = $2 == "SYNOPSIS"; next }
	!wanted { next }
	{ line = $0; gsub(/"/, "", line); sub(/^\.[A-Z][a-z] /, "", line) }
	/^\.Ft/ { type = line }
	/^\.Fo/ { name = line; arguments = "" }
	/^\.Fa/ { argument(line) }
	/^\.Fc/ { print type " " name "(" arguments ")" }
	/^\.Fn mio_/ { print type " " $2 "(?)" }
	' "$man/$page"
done <"$tmp/pages" | awk "$normal" | sort >"$tmp/described"
diff "$tmp/declared" "$tmp/described" | sed -n 's/^[<>]/&/p' >"$tmp/out"
expect_none "$tmp/out" 'only in a header (<) or a SYNOPSIS (>)'
[ -s "$tmp/declared" ] || fail 'no prototypes found'

# Structures and types are shown as they are declared.
awk "$normal" "$tmp/header" >"$tmp/normal-header"
while read -r page; do
	awk '
	/^\.Sh/ { wanted = $2 == "SYNOPSIS"; next }
	!wanted { next }
	/^\.Vt/ { sub(/^\.Vt /, ""); print; next }
	/^\.Bd/ { literal = 1; text = ""; next }
	/^\.Ed/ { literal = 0; print text; next }
	literal { text = text " " $0 }
	' "$man/$page" | awk "$normal" >"$tmp/types"
	while read -r type; do
		grep -qF -e "$type" "$tmp/normal-header" ||
			fail "$page: no such declaration: $type"
	done <"$tmp/types"
	awk '/^\.Sh/ { wanted = $2 == "SYNOPSIS" }
		wanted && /^\.Fd/ { print $3 }' "$man/$page" >"$tmp/types"
	while read -r macro; do
		grep -q "^$macro\$" "$tmp/macros" ||
			fail "$page: no such macro: $macro"
	done <"$tmp/types"
done <"$tmp/pages"

# What a reader may look for in any page of a call; cross references.
while read -r page; do
	sections='NAME SYNOPSIS DESCRIPTION EXAMPLES THREADS SEE_ALSO HISTORY'
	case $page in
	*.3) sections="$sections LIBRARY RETURN_VALUES ERRORS" ;;
	esac
	for section in $sections; do
		grep -q "^\.Sh $(echo "$section" | tr _ ' ')\$" "$man/$page" ||
			fail "$page has no section $section"
	done
	awk '/^\.Xr (mio|MIO)/ { print $2 "." $3 }' "$man/$page" |
		sort -u >"$tmp/references"
	while read -r reference; do
		[ -f "$man/$reference" ] ||
			fail "$page refers to $reference, which is not there"
	done <"$tmp/references"
done <"$tmp/pages"

# README's table of systems and mio(7)'s are one, and of .ci/run's steps.
awk '$0 == "Systems" { wanted = 1 }
	wanted && /^    [A-Z]/ { $1 = $1; print }
	/^run:/ { wanted = 0 }' "$top_srcdir/README" >"$tmp/systems"
sed -n '/^\.Ss Systems/,/^\.El/{
	s/ Ta / /g
	s/^\.It \([A-Z].*\)/\1/p
	}' "$man/mio.7" | grep -v '^Em ' |
	diff "$tmp/systems" - | sed -n 's/^[<>]/&/p' >"$tmp/out"
expect_none "$tmp/out" 'system only in README (<) or mio(7) (>)'
[ -s "$tmp/systems" ] || fail 'README has no table of systems'
[ ! -e "$top_srcdir/.ci/run" ] ||
	sed 's/.* //' "$tmp/systems" | grep -vx none | while read -r step; do
		grep -q "^	$step  *#" "$top_srcdir/.ci/run" || echo "$step"
	done >"$tmp/out"
expect_none "$tmp/out" 'system of a step that .ci/run has not'

if ! command -v mandoc >/dev/null; then
	echo 'no mandoc: the pages were not formatted'
	[ $status -ne 0 ] || status=77
	exit $status
fi
while read -r page; do
	mandoc -T lint -W warning "$man/$page" >"$tmp/out" 2>&1 || :
	expect_none "$tmp/out" mandoc
	! command -v groff >/dev/null || {
		groff -mandoc -Tutf8 -ww "$man/$page" 2>"$tmp/out" >/dev/null
		expect_none "$tmp/out" groff
	}
done <"$tmp/pages"
exit $status
