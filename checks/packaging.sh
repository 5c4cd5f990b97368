#!/bin/sh
# SPDX-License-Identifier: MIT
# The recipes for packages agree with the tree and with each other, in
# version, soname, names, licence and home.

set -eu
LC_ALL=C
export LC_ALL
spec=$top_srcdir/packaging/rpm/libmio.spec
apk=$top_srcdir/packaging/alpine/APKBUILD
deb=$top_srcdir/debian
status=0

# same WHERE FOUND WANTED
same()
{
	[ "$2" = "$3" ] && return
	echo "FAIL: $1: '$2', not '$3'"
	status=1
}

tag()
{
	sed -n "s/^$1: *//p" "$spec" | head -n 1
}

# A shell program without a command of its own: reading it is harmless.
sh -n "$apk" || status=1
alpine()
{
	sh -eu -c '. "$1"; eval "echo \$$2"' sh "$apk" "$1"
}

same 'the version in libmio.spec' "$(tag Version)" "$PACKAGE_VERSION"
same "the version in libmio.spec's %changelog" \
	"$(sed -n '/^%changelog/,$s/^\*.* - \(.*\)-[^-]*$/\1/p' "$spec" |
		head -n 1)" "$PACKAGE_VERSION"
same 'the version in APKBUILD' "$(alpine pkgver)" "$PACKAGE_VERSION"

soname=$(sed -n 's/.*-version-info \([0-9]*\):[0-9]*:\([0-9]*\).*/\1 \2/p' \
	"$top_srcdir/lib/local.mk" | awk '{ print "libmio.so." $1 - $2 }')
same 'the soname in libmio.spec' \
	"$(sed -n 's,^%{_libdir}/\(libmio\.so\.[0-9]*\).*,\1,p' "$spec")" \
	"$soname"

# Under Alpine's names; its documentation has a package of its own, its static
# library, too.
names="libmio libmio-dev mio-tools"
same 'the packages in libmio.spec' "$(echo $(sed -n 's/^Name: *//p
	s/^%package -n //p
	s/^%package devel/libmio-dev/p' "$spec" | sort))" "$names"
same 'the packages in APKBUILD' "$(echo $( (
	alpine pkgname
	alpine subpackages | tr ' ' '\n' | sed 's/:.*//'
	) | sort))" 'libmio libmio-dev libmio-doc libmio-static mio-tools'

url=$(tag URL)
same 'the URL in APKBUILD' "$(alpine url)" "$url"
same 'the description in APKBUILD' "$(alpine pkgdesc)" "$(tag Summary)"
for license in "$(tag License)" "$(alpine license)"; do
	same 'a licence' "$license" MIT
done
for needs in "$(sed -n 's/^BuildRequires: *//p' "$spec")" \
    "$(alpine makedepends) $(alpine checkdepends)"; do
	for tool in check curl jq libxml2 mandoc pkg socat strace; do
		case $needs in
		*$tool*) ;;
		*) same "what is needed for $tool" none one ;;
		esac
	done
done

if [ ! -d "$deb" ]; then
	echo "no debian/ here: the recipes' other halves were compared"
	exit $status
fi
field()
{
	sed -n "s/^$1: *//p" "$deb/control"
}
same 'the version in debian/changelog' \
	"$(sed -n '1s/.*(\(.*\)-[^-]*).*/\1/p' "$deb/changelog")" \
	"$PACKAGE_VERSION"
same 'the packages in debian/control' \
	"$(echo $(field Package | sed "s/^libmio${soname##*.}\$/libmio/" |
		sort))" "$names"
same 'the soname in debian/symbols' \
	"$(sed -n '1s/ .*//p' "$deb/libmio${soname##*.}.symbols")" "$soname"
same 'the home in debian/control' "$(field Homepage)" "$url"
exit $status
