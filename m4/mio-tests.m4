dnl SPDX-License-Identifier: MIT
dnl What only the tests and the examples need, and the summary.

dnl The conditional HAVE_CHECK, CHECK_CFLAGS, CHECK_LIBS; VALGRIND, empty if
dnl there is none.
AC_DEFUN([MIO_TEST_TOOLS], [
AC_ARG_WITH([check],
	[AS_HELP_STRING([--with-check],
		[build the suites that need Check @<:@if found@:>@])],
	[],
	[with_check=auto])
AS_CASE([$with_check],
	[yes|no|auto], [],
	[AC_MSG_ERROR([--with-check=$with_check: say yes or no])])
dnl pkg-config may find that of the machine that builds.
mio_check='no: --without-check'
AS_IF([test "$with_check" != "no"],
	[PKG_CHECK_MODULES([CHECK], [check >= 0.15],
		[_MIO_LINK_CHECK
		AS_IF([test "$mio_cv_link_check" = "yes"],
			[mio_check=yes],
			[mio_check="no: that of pkg-config does not link for $host"])],
		[mio_check='no: pkg-config does not find Check 0.15 or newer'])
	AS_CASE([$with_check:$mio_check],
		[yes:no*], [AC_MSG_ERROR(m4_normalize([
			[--with-check: $mio_check; for another host give]
			[PKG_CONFIG_LIBDIR, or CHECK_CFLAGS and CHECK_LIBS]]))])])
AM_CONDITIONAL([HAVE_CHECK], [test "$mio_check" = "yes"])
AC_PATH_PROG([VALGRIND], [valgrind])
AC_CHECK_HEADERS([valgrind/helgrind.h])
AC_CHECK_FUNCS([mallinfo2])
dnl Not of NetBSD before 10.
AC_CHECK_MEMBERS([struct in_pktinfo.ipi_spec_dst], [], [],
	[[#include <netinet/in.h>]])
])

dnl As mio-conformance is linked.
AC_DEFUN([_MIO_LINK_CHECK], [
AC_CACHE_CHECK([whether a program with Check links], [mio_cv_link_check],
	[mio_saved_CFLAGS=$CFLAGS
	mio_saved_LIBS=$LIBS
	CFLAGS="$CFLAGS $CHECK_CFLAGS"
	LIBS="$CHECK_LIBS $LIBS"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <check.h>]],
			[[return suite_create("") == 0;]])],
		[mio_cv_link_check=yes],
		[mio_cv_link_check=no])
	CFLAGS=$mio_saved_CFLAGS
	LIBS=$mio_saved_LIBS])
])

dnl MIO_EXAMPLE_LIBRARY(VARIABLE, MODULE, HEADER, CALL): the conditional
dnl HAVE_VARIABLE, VARIABLE_CFLAGS and VARIABLE_LIBS.  A library that
dnl pkg-config finds may be another system's, so a program is linked.
AC_DEFUN([MIO_EXAMPLE_LIBRARY], [
PKG_CHECK_MODULES([$1], [$2],
	[_MIO_EXAMPLE_LINK($@)],
	[AS_VAR_SET([mio_cv_example_$1], [no])])
AM_CONDITIONAL([HAVE_$1], [test "$mio_cv_example_$1" = "yes"])
])

AC_DEFUN([_MIO_EXAMPLE_LINK], [
AC_CACHE_CHECK([whether a program with $2 links], [mio_cv_example_$1],
	[mio_saved_CFLAGS=$CFLAGS
	mio_saved_LIBS=$LIBS
	CFLAGS="$CFLAGS $$1_CFLAGS"
	LIBS="$$1_LIBS $LIBS"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stddef.h>
#include <$3>]],
			[[$4;]])],
		[mio_cv_example_$1=yes],
		[mio_cv_example_$1=no])
	CFLAGS=$mio_saved_CFLAGS
	LIBS=$mio_saved_LIBS])
])

dnl What single examples need: the conditionals HAVE_CARES, HAVE_CURL,
dnl HAVE_GLIB, HAVE_HIREDIS, HAVE_HTTP_PARSER and HAVE_PQ with their _CFLAGS
dnl and _LIBS, HAVE_LINUX_FDS, HAVE_RECVMMSG.
AC_DEFUN([MIO_EXAMPLE_NEEDS], [
MIO_EXAMPLE_LIBRARY([CARES], [libcares >= 1.16], [ares.h],
	[ares_getaddrinfo(NULL, NULL, NULL, NULL, NULL, NULL)])
MIO_EXAMPLE_LIBRARY([CURL], [libcurl >= 7.55], [curl/curl.h],
	[curl_multi_socket_action(NULL, 0, 0, NULL)])
MIO_EXAMPLE_LIBRARY([GLIB], [glib-2.0 >= 2.36], [glib-unix.h],
	[g_unix_fd_add(0, 0, NULL, NULL)])
MIO_EXAMPLE_LIBRARY([HIREDIS], [hiredis], [hiredis/async.h],
	[redisAsyncFree(NULL)])
MIO_EXAMPLE_LIBRARY([PQ], [libpq], [libpq-fe.h],
	[PQconnectStart(NULL)])
dnl It has no file for pkg-config.
AC_SUBST([HTTP_PARSER_LIBS], [-lhttp_parser])
_MIO_EXAMPLE_LINK([HTTP_PARSER], [http-parser], [http_parser.h],
	[http_parser_init(NULL, HTTP_REQUEST)])
AM_CONDITIONAL([HAVE_HTTP_PARSER],
	[test "$mio_cv_example_HTTP_PARSER" = "yes"])
AC_CACHE_CHECK([for signalfd, timerfd, inotify and pidfd_open],
	[mio_cv_linux_fds],
	[AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <stddef.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>
			]], [[
return signalfd(-1, NULL, SFD_CLOEXEC) < 0 ||
    timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC) < 0 ||
    inotify_init1(IN_CLOEXEC) < 0 || syscall(SYS_pidfd_open, 1, 0) < 0;
			]])],
		[mio_cv_linux_fds=yes],
		[mio_cv_linux_fds=no])])
AM_CONDITIONAL([HAVE_LINUX_FDS], [test "$mio_cv_linux_fds" = "yes"])
AC_CHECK_FUNC([recvmmsg])
AM_CONDITIONAL([HAVE_RECVMMSG], [test "$ac_cv_func_recvmmsg" = "yes"])
])

AC_DEFUN([MIO_SUMMARY], [
mio_found=
for mio_name in epoll_create1 epoll_pwait2 kqueue poll ppoll eventfd pipe2 \
		accept4 secure_getenv; do
	AS_VAR_COPY([mio_answer], [ac_cv_func_$mio_name])
	AS_IF([test "$mio_answer" = "yes"],
		[AS_VAR_APPEND([mio_found], [" $mio_name"])],
		[AS_VAR_APPEND([mio_found], [" (no $mio_name)"])])
done
for mio_name in EVFILT_USER SOCK_CLOEXEC SOCK_NONBLOCK MSG_NOSIGNAL \
		SO_NOSIGPIPE; do
	AS_VAR_COPY([mio_answer], [ac_cv_have_decl_$mio_name])
	AS_IF([test "$mio_answer" = "yes"],
		[AS_VAR_APPEND([mio_found], [" $mio_name"])],
		[AS_VAR_APPEND([mio_found], [" (no $mio_name)"])])
done
mio_found=`AS_ECHO(["$mio_found"]) | fold -s -w 58 |
	sed 's/ $//; 1s/^ //; 1!s/^/                    /'`
AS_CASE([$mio_cv_ld_version_script:$mio_cv_ld_symbol_list],
	[yes:*], [mio_answer='version script'],
	[*:yes], [mio_answer='list, no versions'],
	[mio_answer='by visibility, no versions'])
cat <<_MIO_EOF

libmio $PACKAGE_VERSION
  compiler          $CC $CFLAGS
  host              $host
  prefix            $prefix
  found             $mio_found
  backends          $MIO_BACKENDS
  default           $mio_default
  exported symbols  $mio_answer
  libraries         shared $enable_shared, static $enable_static
  extra libraries   ${LIBS:-none}
  libkqueue         $with_libkqueue
  model kqueue      $with_model_kqueue
  werror            $enable_werror
  hardening         $enable_hardening
  sanitizers        ${MIO_SANITIZERS:-none}
  Check suites      $mio_check
  c-ares example    $mio_cv_example_CARES
  GLib example      $mio_cv_example_GLIB
  hiredis example   $mio_cv_example_HIREDIS
  HTTP example      $mio_cv_example_HTTP_PARSER
  libcurl example   $mio_cv_example_CURL
  libpq example     $mio_cv_example_PQ
  valgrind          ${VALGRIND:-no}

_MIO_EOF
])
