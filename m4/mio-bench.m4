dnl SPDX-License-Identifier: MIT
dnl What libmio is measured against, each only where it is found: the
dnl conditionals HAVE_LIBEV, HAVE_LIBEVENT, HAVE_LIBUV, HAVE_RUST_MIO and
dnl HAVE_LTO; PYTHON3 for the driver.

AC_DEFUN([MIO_BENCH_PEERS], [
PKG_CHECK_MODULES([LIBEVENT], [libevent_core libevent_pthreads],
	[mio_libevent=yes],
	[mio_libevent=no])
PKG_CHECK_MODULES([LIBUV], [libuv],
	[mio_libuv=yes],
	[mio_libuv=no])
dnl libev has no file for pkg-config.
AC_CACHE_CHECK([for libev], [mio_cv_libev], [
	mio_save_LIBS=$LIBS
	LIBS="-lev $LIBS"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <ev.h>]],
			[[return ev_version_major();]])],
		[mio_cv_libev=yes],
		[mio_cv_libev=no])
	LIBS=$mio_save_LIBS
])
AC_CACHE_CHECK([whether the compiler optimizes when linking], [mio_cv_lto], [
	mio_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -flto"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
		[mio_cv_lto=yes],
		[mio_cv_lto=no])
	CFLAGS=$mio_save_CFLAGS
])
AC_ARG_VAR([CARGO], [builds the part in Rust of make bench])
AC_ARG_VAR([RUST_REGISTRY],
	[directory of crates, mio among them @<:@/usr/share/cargo/registry@:>@])
AC_PATH_PROG([CARGO], [cargo], [], [/usr/bin$PATH_SEPARATOR$PATH])
: ${RUST_REGISTRY=/usr/share/cargo/registry}
mio_rust=no
AS_IF([test -n "$CARGO"],
	[for mio_name in "$RUST_REGISTRY"/mio-0.8.*; do
		AS_IF([test -d "$mio_name"], [mio_rust=yes])
	done])
AC_PATH_PROG([PYTHON3], [python3], [], [/usr/bin$PATH_SEPARATOR$PATH])
dnl The objects of the library once more, as local.mk names them.
MIO_LTO_OBJECTS=`AS_ECHO(["$MIO_BACKEND_OBJECTS"]) |
	sed 's,/mio-,/lto-,g; s,\.lo,.$(OBJEXT),g'`
AC_SUBST([MIO_LTO_OBJECTS])
MIO_ONLY_CPPFLAGS="-DMIO_ONLY_SELECTOR=${mio_default%+*}"
MIO_ONLY_CPPFLAGS="$MIO_ONLY_CPPFLAGS -DMIO_ONLY_WAKER=${mio_default#*+}"
AC_SUBST([MIO_ONLY_CPPFLAGS])
AM_CONDITIONAL([HAVE_LIBEV], [test "$mio_cv_libev" = "yes"])
AM_CONDITIONAL([HAVE_LIBEVENT], [test "$mio_libevent" = "yes"])
AM_CONDITIONAL([HAVE_LIBUV], [test "$mio_libuv" = "yes"])
AM_CONDITIONAL([HAVE_LTO], [test "$mio_cv_lto" = "yes"])
AM_CONDITIONAL([HAVE_RUST_MIO], [test "$mio_rust" = "yes"])
])
