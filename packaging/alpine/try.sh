#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: try.sh TARBALL DIRECTORY
# Does with the APKBUILD beside it what abuild does, where there is no Alpine:
# builds the tarball, and splits what it installs into DIRECTORY/pkg/PACKAGE.

set -eu
[ $# -eq 2 ] || { sed -n 's/^# usage/usage/p' "$0" >&2; exit 2; }
tarball=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
apkbuild=$(dirname "$0")/APKBUILD

fail()
{
	echo "FAIL: APKBUILD: $*" >&2
	exit 1
}

# The parts of abuild: what subpackages get unless a function says otherwise.
amove()
{
	for path; do
		for file in "$pkgdir"/$path; do
			[ -e "$file" ] || fail "$name: no $path"
			to=$subpkgdir/$(dirname "${file#"$pkgdir"/}")
			mkdir -p "$to"
			mv "$file" "$to"
		done
	done
}
static() { amove 'usr/lib/*.a'; }
dev() { amove usr/include usr/lib/pkgconfig 'usr/lib/*.so'; }
doc() { amove usr/share/doc usr/share/man; }

. "$apkbuild"
for variable in pkgname pkgver pkgrel pkgdesc url arch license makedepends \
    checkdepends subpackages source; do
	eval "value=\${$variable-}"
	[ -n "$value" ] || fail "no $variable"
done
[ ${#pkgdesc} -lt 128 ] || fail 'pkgdesc is too long for abuild'
[ "${source##*/}" = "${tarball##*/}" ] ||
	fail "the tarball is ${tarball##*/}, the source ${source##*/}"
for function in build check package; do
	command -v $function >/dev/null || fail "no $function()"
done

export CFLAGS='-Os -fstack-clash-protection -Wformat -Werror=format-security'
export LDFLAGS='-Wl,--as-needed,-O1,--sort-common'
MAKEFLAGS=-j$(getconf _NPROCESSORS_ONLN)
export MAKEFLAGS
mkdir -p "$dir/src" "$dir/pkg"
tar -C "$dir/src" -xzf "$tarball"
builddir=$dir/src/$pkgname-$pkgver
CBUILD=$(sh "$builddir/build-aux/config.guess")
CHOST=$CBUILD
export CBUILD CHOST
pkgdir=$dir/pkg/$pkgname
(cd "$builddir" && set -e && build)
(cd "$builddir" && set -e && package)
find "$pkgdir" -name '*.la' -delete
for subpackage in $subpackages; do
	name=${subpackage%%:*}
	function=${subpackage#*:}
	subpkgdir=$dir/pkg/$name
	mkdir -p "$subpkgdir"
	(cd "$builddir" && set -e && "${function##*-}")
	[ -n "$(find "$subpkgdir" -type f)" ] || fail "$name is empty"
done
