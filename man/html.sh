#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: html.sh VERSION DIRECTORY PAGE...
# Renders the pages into the directory, with an index.  A link to one of the
# names leads to where its page describes it; pages of others are no links.

set -eu
LC_ALL=C
export LC_ALL
[ $# -ge 3 ] || { sed -n 's/^# usage/usage/p' "$0" >&2; exit 2; }
version=$1
html=$2
shift 2
if ! command -v mandoc >/dev/null; then
	echo 'the HTML manual is made by mandoc, which is not here' >&2
	exit 1
fi
rm -rf "$html.new"
mkdir -p "$html.new"
trap 'rm -rf "$html.new"' EXIT
cp "$(dirname "$0")/manual.css" "$html.new/manual.css"

# NAME SECTION PAGE for each name: the page itself, or the one that .so gives.
for file; do
	name=${file##*/}
	page=$(sed -n '1s,^\.so .*/,,p' "$file")
	echo "${name%.*} ${name##*.} ${page:-$name}"
done >"$html.new/names"

for file; do
	page=${file##*/}
	[ "$(head -c 4 "$file")" != '.so ' ] || continue
	mandoc -T html -I os="libmio $version" \
		-O style=manual.css,man=%N.%S "$file" >"$html.new/$page.html"
done

# Anchors first, for links into pages that come later.
for file in "$html.new"/*.html; do
	page=${file##*/}
	grep -o ' id="[^"]*"' "$file" | sed "s/.*\"\(.*\)\"/${page%.html} \1/"
done >"$html.new/anchors"

for file in "$html.new"/*.html; do
	page=${file##*/}
	page=${page%.html}
	awk -v title="${page%.*}(${page##*.})" '
	FILENAME ~ /names$/ { names[$1 "." $2] = $3; next }
	FILENAME ~ /anchors$/ { anchors[$1 "#" $2] = 1; next }
	{ text = text $0 "\n" }

	function target(name,    anchor) {
		anchor = name
		sub(/\.[0-9]$/, "", anchor)
		if ((names[name] "#" anchor) in anchors)
			return names[name] ".html#" anchor
		return names[name] ".html"
	}

	END {
		sub(/<html>/, "<html lang=\"en\">", text)
		sub(/<title>[^<]*/, "<title>" title " - libmio", text)
		sub(/<body>/, "&\n<nav><a href=\"index.html\">" \
		    "libmio manual</a></nav>", text)
		tag = "<a class=\"Xr\"[ \n]+href=\"[^\"]*\""
		while (match(text, tag ">[^<]*</a>")) {
			printf "%s", substr(text, 1, RSTART - 1)
			link = substr(text, RSTART, RLENGTH)
			text = substr(text, RSTART + RLENGTH)
			name = link
			gsub(/^[^>]*href="|">.*$/, "", name)
			if (name in names)
				sub(/href="[^"]*"/,
				    "href=\"" target(name) "\"", link)
			else
				gsub(/<[^>]*>/, "", link)
			printf "%s", link
		}
		printf "%s", text
	}' "$html.new/names" "$html.new/anchors" "$file" >"$html.new/page"
	mv "$html.new/page" "$file"
done

# The overviews, then the calls by the object, then the programs.
heading()
{
	case $1 in
	7) echo 'Overview' ;;
	3) echo 'Calls' ;;
	1) echo 'Programs' ;;
	esac
}

{
	cat <<-HTML
	<!DOCTYPE html>
	<html lang="en">
	<head>
	  <meta charset="utf-8"/>
	  <meta name="viewport"
	    content="width=device-width, initial-scale=1.0"/>
	  <link rel="stylesheet" href="manual.css"/>
	  <title>libmio manual</title>
	</head>
	<body>
	<h1>libmio $version</h1>
	<p>Readiness events and non-blocking I/O for C.</p>
	HTML
	for section in 7 3 1; do
		printf '<h2>%s</h2>\n<dl>\n' "$(heading $section)"
		for file in "$html.new"/*."$section".html; do
			[ -e "$file" ] || continue
			page=${file##*/}
			page=${page%.html}
			awk -v page="$page" '
			FILENAME ~ /anchors$/ { anchors[$1 "#" $2] = 1; next }
			FILENAME ~ /names$/ {
				if ($3 == page && $1 "." $2 != page)
					more[++n] = $1
				next
			}
			{ text = text $0 " " }
			END {
				title = page
				sub(/\.[0-9]$/, "", title)
				sub(/.*<span class="Nd">/, "", text)
				sub(/<\/span>.*/, "", text)
				gsub(/  +/, " ", text)
				printf "<dt><a href=\"%s.html\">%s(%s)</a>",
				    page, title, substr(page, length(page))
				printf "</dt>\n<dd>%s", text
				if (n)
					printf "\n<p class=\"names\">"
				for (i = 1; i <= n; i++) {
					at = "#" more[i]
					if (!((page at) in anchors))
						at = ""
					printf "\n<a href=\"%s.html%s\">%s</a>",
					    page, at, more[i]
				}
				print n ? "</p></dd>" : "</dd>"
			}' "$html.new/anchors" "$html.new/names" "$file"
		done
		echo '</dl>'
	done
	printf '</body>\n</html>\n'
} >"$html.new/page"
mv "$html.new/page" "$html.new/index.html"
rm "$html.new/names" "$html.new/anchors"
rm -rf "$html"
mv "$html.new" "$html"
