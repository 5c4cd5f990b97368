#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: files.sh FILE.rpm... | FILE.deb... | DIRECTORY...
# Prints "PACKAGE FILE", sorted, for each file of packages of any kind, all
# under Alpine's names, so that two kinds compare.  Left out is what only some
# have by their rules: the static library, licences, changelogs.

set -eu
LC_ALL=C
export LC_ALL

list()
{
	case $1 in
	*.rpm)
		rpm -qp --nosignature \
			--qf '[%{=NAME} %{FILEMODES:perms} %{FILENAMES}\n]' "$1"
		;;
	*.deb)
		name=$(dpkg-deb -f "$1" Package)
		dpkg-deb -c "$1" | awk -v name="$name" '{
			sub(/^\./, "", $6)
			print name, $1, $6
		}'
		;;
	*)
		(cd "$1" && find . ! -type d) |
			sed "s,^\\.,${1##*/} - ,"
		;;
	esac
}

[ $# -gt 0 ] || { sed -n 's/^# usage/usage/p' "$0" >&2; exit 2; }
for package; do
	list "$package"
done | sed '
	/^[^ ]* d/d
	s/ [^ ]* / /
	s/^libmio0 /libmio /
	s/^libmio-devel /libmio-dev /
	s,/lib/[a-z0-9_]*-linux-[a-z0-9]*/,/lib/,
	s,/lib64/,/lib/,
	s,\(/man/.*\)\.gz$,\1,
	s,/doc/libmio[^/]*/examples/,/doc/examples/,
	s,^libmio-doc \(.*/man1/\),mio-tools \1,
	s,^libmio-doc ,libmio-dev ,
	/\.a$/d
	/^[^ ]*-static /d
	/\/\.build-id\//d
	/\/licenses\//d
	/\/doc\/[^/]*\/[^/]*$/{
		/\/doc\/examples\//!d
	}' | sort
