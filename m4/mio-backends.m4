dnl SPDX-License-Identifier: MIT
dnl The one list of backends: from it come the objects to build, the table in
dnl lib/backends.def and the names that the tests run.

dnl _MIO_HAVE(selector | waker, NAME, TEST)
dnl Puts NAME last on mio_selectors or mio_wakers if TEST succeeds.
AC_DEFUN([_MIO_HAVE],
[AS_IF([$3],
	[AS_VAR_APPEND([mio_$1s], [" $2"])])])

dnl _MIO_PUT_FIRST(selector | waker)
dnl Heeds --with-selector or --with-waker.
AC_DEFUN([_MIO_PUT_FIRST], [
AS_IF([test "x$mio_$1s" = "x"],
	[AC_MSG_ERROR([no $1 that libmio knows was found])])
AS_IF([test "${with_$1+given}" = "given"], [
	AS_CASE([$with_$1],
		[''|*[[!a-z0-9]]*], [mio_found=no],
		[AS_CASE(["$mio_$1s "],
			[*" $with_$1 "*], [mio_found=yes],
			[mio_found=no])])
	AS_IF([test "$mio_found" = "no"],
		[AC_MSG_ERROR(m4_normalize([
			[--with-$1=$with_$1 cannot be had here;]
			[the choice is:$mio_$1s]]))])
	mio_rest=
	for mio_name in $mio_$1s; do
		AS_IF([test "$mio_name" != "$with_$1"],
			[AS_VAR_APPEND([mio_rest], [" $mio_name"])])
	done
	mio_$1s=" $with_$1$mio_rest"])
])

dnl _MIO_GO_TOGETHER(SELECTOR, WAKER, THEN, ELSE)
m4_define([_MIO_GO_TOGETHER],
[AS_CASE([$1+$2],
	[kqueue+eventfd|epoll+user|poll+user], [$4],
	[$3])])

dnl The first selector, and the first waker that goes with it.
AC_DEFUN([_MIO_LEAVE_ONE], [
set dummy $mio_selectors
mio_selectors=" $[]2"
for mio_waker in $mio_wakers; do
	_MIO_GO_TOGETHER([$[]2], [$mio_waker], [break])
done
mio_wakers=" $mio_waker"
AC_DEFINE_UNQUOTED([MIO_ONLY_SELECTOR], [$[]2],
	[Of --enable-single-backend: the only selector])
AC_DEFINE_UNQUOTED([MIO_ONLY_WAKER], [$mio_waker],
	[Of --enable-single-backend: the only waker])
])

AC_DEFUN([MIO_CHOOSE_BACKENDS], [
AC_ARG_WITH([selector],
	[AS_HELP_STRING([--with-selector=NAME],
		[selector of the default backend: epoll, kqueue or poll
		@<:@best there is@:>@])])
AC_ARG_WITH([waker],
	[AS_HELP_STRING([--with-waker=NAME],
		[waker of the default backend: eventfd, user or pipe
		@<:@best there is@:>@])])

AC_ARG_ENABLE([single-backend],
	[AS_HELP_STRING([--enable-single-backend],
		[build the default backend alone, so that its calls can be
		inlined (a static library with -flto) @<:@no@:>@])],
	[],
	[enable_single_backend=no])
MIO_YES_NO([single-backend], [$enable_single_backend])

dnl Best first.
mio_selectors=
_MIO_HAVE([selector], [epoll], [test "$ac_cv_func_epoll_create1" = yes])
_MIO_HAVE([selector], [kqueue], [test "$ac_cv_func_kqueue" = yes])
_MIO_HAVE([selector], [poll], [test "$ac_cv_func_poll" = yes])
mio_wakers=
_MIO_HAVE([waker], [eventfd], [test "$ac_cv_func_eventfd" = yes])
_MIO_HAVE([waker], [user],
	[test "$ac_cv_func_kqueue:$ac_cv_have_decl_EVFILT_USER" = yes:yes])
_MIO_HAVE([waker], [pipe], [test "$ac_cv_func_pipe" = yes])
_MIO_PUT_FIRST([selector])
_MIO_PUT_FIRST([waker])
AS_IF([test "$enable_single_backend" = yes],
	[_MIO_LEAVE_ONE])

MIO_BACKENDS=
MIO_BACKEND_OBJECTS=
MIO_BACKENDS_DEF=
for mio_selector in $mio_selectors; do
	AS_VAR_APPEND([MIO_BACKEND_OBJECTS],
		[" lib/selector/mio-$mio_selector.lo"])
	AS_VAR_APPEND([MIO_BACKENDS_DEF],
		["MIO__SELECTOR($mio_selector)$as_nl"])
done
for mio_waker in $mio_wakers; do
	AS_VAR_APPEND([MIO_BACKEND_OBJECTS],
		[" lib/waker/mio-$mio_waker.lo"])
	AS_VAR_APPEND([MIO_BACKENDS_DEF],
		["MIO__WAKER($mio_waker)$as_nl"])
done
for mio_selector in $mio_selectors; do
	for mio_waker in $mio_wakers; do
		_MIO_GO_TOGETHER([$mio_selector], [$mio_waker], [
			AS_VAR_APPEND([MIO_BACKENDS],
				[" $mio_selector+$mio_waker"])
			AS_VAR_APPEND([MIO_BACKENDS_DEF],
				["MIO__BACKEND($mio_selector, $mio_waker)"])
			AS_VAR_APPEND([MIO_BACKENDS_DEF], ["$as_nl"])])
	done
done
MIO_BACKENDS=${MIO_BACKENDS# }
mio_default=${MIO_BACKENDS%% *}
AS_IF([test "${with_waker-${mio_default#*+}}" != "${mio_default#*+}"],
	[AC_MSG_ERROR(m4_normalize([
		[--with-waker=$with_waker does not go with selector]
		[${mio_default%+*}; choose another with --with-selector]]))])
dnl Automake cannot make this out of MIO_BACKENDS within TESTS.
MIO_CONF_TESTS=
for mio_name in $MIO_BACKENDS; do
	AS_VAR_APPEND([MIO_CONF_TESTS], [" conformance/$mio_name.conf"])
done
AC_SUBST([MIO_BACKENDS])
AC_SUBST([MIO_BACKEND_OBJECTS])
AC_SUBST([MIO_CONF_TESTS])
AC_SUBST([MIO_BACKENDS_DEF])
AM_SUBST_NOTMAKE([MIO_BACKENDS_DEF])
])
