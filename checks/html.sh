#!/bin/sh
# SPDX-License-Identifier: MIT
# The HTML manual, as installed: every page is there and can be reached from
# the index, every link but those to the web leads somewhere, every name is in
# the index; and make uninstall takes it all away.

set -eu
LC_ALL=C
export LC_ALL
if ! command -v mandoc >/dev/null; then
	echo 'no mandoc'
	exit 77
fi
. "$top_srcdir/tools/testing.sh"
unset MAKEFLAGS MFLAGS MAKELEVEL

goal()
{
	$MAKE -C "$top_builddir" "$1" DESTDIR="$tmp/root" >"$tmp/log" 2>&1 || {
		cat "$tmp/log"
		echo "FAIL: make $1"
		exit 1
	}
}

for dir in $INSTALL_DIRS; do
	mkdir -p "$tmp/root$dir"
done
goal install-man
goal install-html
html=$(dirname "$(find "$tmp/root" -name index.html)")
cd "$html"

pages=0
for path in $(find "$tmp/root" -name 'mio*.[137]' -o -name 'MIO*.3'); do
	page=${path##*/}
	title="${page%.*}(${page##*.})"
	if [ "$(head -c 4 "$path")" = '.so ' ]; then
		grep -q ">${page%.*}</a>" index.html ||
			fail "$page is not in the index"
		continue
	fi
	pages=$((pages + 1))
	[ -f "$page.html" ] || { fail "$page was not rendered"; continue; }
	grep -qF "<title>$title - libmio" "$page.html" ||
		fail "$page.html has no title"
	grep -qF ">$title</a>" index.html || fail "$page is not in the index"
done
[ "$pages" -gt 10 ] || fail "only $pages pages"

for page in *.html; do
	grep -q 'name="viewport"' "$page" && grep -q manual.css "$page" ||
		fail "$page has no viewport or no style"
	! command -v xmllint >/dev/null || xmllint --noout "$page" ||
		fail "$page is not well-formed"
	# PAGE a NAME for an anchor, PAGE l TARGET ANCHOR for a link.
	grep -o ' id="[^"]*"' "$page" | sed "s/ id=\"\(.*\)\"/$page a \1/"
	grep -o 'href="[^"]*"' "$page" | grep -v '"https://' |
		sed "s/href=\"\([^\"#]*\)#*\(.*\)\"/$page l \1 \2/
			s/ l  / l $page /"
done >"$tmp/links"

# anchors of links to one page and of what it has; a walk from the index.
awk '
	$2 == "a" { page[$1] = 1; anchor[$1 " " $3] = 1; next }
	{ page[$1] = 1; from[++n] = $1; to[n] = $3; place[n] = $4 }
	END {
		page["manual.css"] = 1
		seen["index.html"] = 1
		for (again = 1; again;) {
			again = 0
			for (i = 1; i <= n; i++)
				if (from[i] in seen && !(to[i] in seen))
					again = seen[to[i]] = 1
		}
		for (i = 1; i <= n; i++)
			if (!(to[i] in page) || place[i] != "" &&
			    !((to[i] " " place[i]) in anchor))
				print from[i] ": dead link: " to[i] " " place[i]
		for (p in page)
			if (!(p in seen))
				print p ": no way there from the index"
		if (n < 300)
			print "only " n " links were found"
	}' "$tmp/links" >"$tmp/out"
while read -r line; do
	fail "$line"
done <"$tmp/out"
echo "$pages pages, $(grep -c ' l ' "$tmp/links") links"

goal uninstall
[ -z "$(find "$tmp/root" -name '*.html' -o -name '*.css')" ] ||
	fail 'make uninstall leaves pages behind'
exit $status
