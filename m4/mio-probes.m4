dnl SPDX-License-Identifier: MIT
dnl What the system has.

dnl MIO_PROBE_CALL(FUNCTION, INCLUDES, CALL)
dnl Sets ac_cv_func_FUNCTION: it is declared, and CALL, an expression, links.
AC_DEFUN([MIO_PROBE_CALL],
[AC_CACHE_CHECK([for $1], [ac_cv_func_$1],
	[AC_LINK_IFELSE([AC_LANG_PROGRAM([$2], [[(void)$1; (void)($3);]])],
		[ac_cv_func_$1=yes],
		[ac_cv_func_$1=no])])])

dnl MIO_DEFINE_IF(VALUE, MACRO, MEANING)
dnl Defines MACRO in config.h if VALUE is yes.
AC_DEFUN([MIO_DEFINE_IF],
[AS_IF([test "x$1" = "xyes"],
	[AC_DEFINE([$2], [1], [$3])])])

dnl Solaris has the struct msghdr with msg_control for X/Open 6 alone, and then
dnl nothing else without __EXTENSIONS__, which AC_USE_SYSTEM_EXTENSIONS defines;
dnl who includes <mio.h> needs the same: MIO_PC_CFLAGS, for libmio.pc.
AC_DEFUN([MIO_STANDARD], [
MIO_PC_CFLAGS=
AS_CASE([$host_os],
	[solaris*], [
		AC_DEFINE([_XOPEN_SOURCE], [600], [Sockets as X/Open 6 has them])
		MIO_PC_CFLAGS=' -D_XOPEN_SOURCE=600 -D__EXTENSIONS__'])
AC_SUBST([MIO_PC_CFLAGS])
])

dnl Libraries that some systems keep apart from libc, into LIBS.
AC_DEFUN([MIO_PROBE_LIBRARIES], [
AC_SEARCH_LIBS([socket], [socket network])
dnl Before 2.34 glibc's libc has pthread_mutex_lock but not this one, which
dnl tests and examples need.
AC_SEARCH_LIBS([pthread_create], [pthread],
	[],
	[AC_MSG_ERROR([libmio needs POSIX threads])])
dnl 64-bit atomics are calls on some 32-bit machines, a byte's on riscv64.
AC_CACHE_CHECK([for library containing the atomics], [mio_cv_lib_atomic],
	[mio_cv_lib_atomic=no
	mio_save_LIBS=$LIBS
	for mio_lib in '' -latomic; do
		LIBS="$mio_lib $mio_save_LIBS"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
static _Atomic uint64_t epoch;
static atomic_bool busy;]],
				[[return atomic_exchange(&busy, true) ||
				    (int)atomic_fetch_add(&epoch, 1);]])],
			[mio_cv_lib_atomic=${mio_lib:-none required}
			break])
	done
	LIBS=$mio_save_LIBS])
AS_CASE([$mio_cv_lib_atomic],
	[no], [AC_MSG_ERROR([libmio needs C11 atomics, also of 64 bits])],
	[-l*], [LIBS="$mio_cv_lib_atomic $LIBS"])
])

dnl Only to try the kqueue backends where the kernel has none.
AC_DEFUN([MIO_WITH_LIBKQUEUE], [
AC_ARG_WITH([libkqueue],
	[AS_HELP_STRING([--with-libkqueue],
		[use libkqueue, for tests of libmio alone @<:@no@:>@])],
	[],
	[with_libkqueue=no])
AS_CASE([$with_libkqueue],
	[no], [],
	[yes], [PKG_CHECK_MODULES([LIBKQUEUE], [libkqueue],
		[CPPFLAGS="$CPPFLAGS $LIBKQUEUE_CFLAGS"
		LIBS="$LIBKQUEUE_LIBS $LIBS"],
		[AC_MSG_ERROR(
			[--with-libkqueue: pkg-config does not find it])])],
	[AC_MSG_ERROR([--with-libkqueue=$with_libkqueue: say yes or no])])
MIO_DEFINE_IF([$with_libkqueue], [HAVE_LIBKQUEUE],
	[kqueue is libkqueue, not the kernel's])
])

dnl The model is compiled into the probe and later into the library.
AC_DEFUN([MIO_WITH_MODEL_KQUEUE], [
AC_ARG_WITH([model-kqueue],
	[AS_HELP_STRING([--with-model-kqueue],
		[use a model of kqueue, for tests of libmio alone; =bsd: and
		of what else BSD does its way, see HACKING @<:@no@:>@])],
	[],
	[with_model_kqueue=no])
mio_model=
AS_CASE([$with_model_kqueue:$with_libkqueue],
	[no:*], [],
	[yes:no|bsd:no], [
		mio_models=`cd "$srcdir" && pwd`/conformance/models
		CPPFLAGS="$CPPFLAGS -I$mio_models/include"
		mio_model="$mio_models/kqueue.c $mio_models/bsd.c"],
	[yes:*|bsd:*], [AC_MSG_ERROR(
		[--with-model-kqueue and --with-libkqueue: choose one])],
	[AC_MSG_ERROR(m4_normalize([
		[--with-model-kqueue=$with_model_kqueue: say yes, bsd or no]]))])
AS_IF([test "$with_model_kqueue" != "no"],
	[AC_DEFINE([MIO_MODEL_KQUEUE], [1], [kqueue is a model of it])])
AM_CONDITIONAL([MODEL_KQUEUE], [test "$with_model_kqueue" != "no"])
AM_CONDITIONAL([MODEL_BSD], [test "$with_model_kqueue" = "bsd"])
dnl Not for what configure asks.
MODEL_CPPFLAGS=
AS_IF([test "$with_model_kqueue" = "bsd"], [
	AC_DEFINE([MIO_MODEL_BSD], [1], [so is what else BSD does its way])
	MODEL_CPPFLAGS="-DMODEL_BSD -I$mio_models/bsd"
	AS_VAR_APPEND([MODEL_CPPFLAGS], [" -include $mio_models/bsd/calls.h"])
	AS_IF([test "$enable_shared" = "yes"],
		[AC_MSG_ERROR(m4_normalize([
			[--with-model-kqueue=bsd: the tests share the system
			with the library; give --disable-shared, too]]))])])
AC_SUBST([MODEL_CPPFLAGS])
])

AC_DEFUN([MIO_PROBE_SYSTEM], [
MIO_PROBE_CALL([epoll_create1], [[#include <sys/epoll.h>]],
	[epoll_create1(EPOLL_CLOEXEC)])
MIO_PROBE_CALL([epoll_pwait2], [[#include <sys/epoll.h>]],
	[epoll_pwait2(0, 0, 0, 0, 0)])
mio_save_LIBS=$LIBS
LIBS="$mio_model $LIBS"
MIO_PROBE_CALL([kqueue], [[
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>]],
	[kqueue() + kevent(0, 0, 0, 0, 0, 0) + EV_CLEAR + EV_RECEIPT])
AS_IF([test "$ac_cv_func_kqueue" != "yes"], [
	AC_CACHE_CHECK([for a kqueue without EV_RECEIPT], [mio_cv_old_kqueue],
		[AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>
#ifdef EV_RECEIPT
#error it is there
#endif]],
				[[return kqueue() + EV_CLEAR;]])],
			[mio_cv_old_kqueue=yes],
			[mio_cv_old_kqueue=no])])
	AS_IF([test "$mio_cv_old_kqueue" = "yes"],
		[AC_MSG_WARN(m4_normalize([
			[the kqueue here has no EV_RECEIPT, which libmio needs:]
			[no selector kqueue]]))])])
LIBS=$mio_save_LIBS
AM_CONDITIONAL([HAVE_KQUEUE], [test "$ac_cv_func_kqueue" = "yes"])
MIO_PROBE_CALL([poll], [[#include <poll.h>]],
	[poll(0, 0, 0)])
MIO_PROBE_CALL([ppoll], [[#include <poll.h>]],
	[ppoll(0, 0, 0, 0)])
MIO_PROBE_CALL([eventfd], [[#include <sys/eventfd.h>]],
	[eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)])
MIO_PROBE_CALL([pipe], [[#include <unistd.h>]],
	[pipe(0)])
MIO_PROBE_CALL([pipe2], [[
#include <fcntl.h>
#include <unistd.h>]],
	[pipe2(0, O_CLOEXEC | O_NONBLOCK)])
MIO_PROBE_CALL([accept4], [[#include <sys/socket.h>]],
	[accept4(0, 0, 0, 0)])
MIO_PROBE_CALL([secure_getenv], [[#include <stdlib.h>]],
	[secure_getenv("")])
MIO_PROBE_CALL([issetugid], [[#include <unistd.h>]],
	[issetugid()])

m4_pushdef([mio_socket], [[
#include <sys/types.h>
#include <sys/socket.h>]])
AC_CHECK_DECL([SOCK_CLOEXEC], [], [], [mio_socket])
AC_CHECK_DECL([SOCK_NONBLOCK], [], [], [mio_socket])
AC_CHECK_DECL([MSG_NOSIGNAL], [], [], [mio_socket])
AC_CHECK_DECL([SO_NOSIGPIPE], [], [], [mio_socket])
m4_popdef([mio_socket])
AC_CHECK_MEMBERS([struct sockaddr_un.sun_len], [], [], [[
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>]])
AC_CHECK_DECL([EVFILT_USER], [], [], [[
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>]])

dnl What only decides about a backend gets no macro: see MIO_CHOOSE_BACKENDS.
MIO_DEFINE_IF([$ac_cv_func_epoll_pwait2], [HAVE_EPOLL_PWAIT2],
	[epoll_wait with a timeout in nanoseconds])
MIO_DEFINE_IF([$ac_cv_func_ppoll], [HAVE_PPOLL],
	[poll with a timeout in nanoseconds])
MIO_DEFINE_IF([$ac_cv_func_pipe2], [HAVE_PIPE2],
	[pipe with flags])
MIO_DEFINE_IF([$ac_cv_func_accept4], [HAVE_ACCEPT4],
	[accept with flags])
MIO_DEFINE_IF([$ac_cv_func_secure_getenv], [HAVE_SECURE_GETENV],
	[getenv that trusts no set-user-ID program's environment])
MIO_DEFINE_IF([$ac_cv_func_issetugid], [HAVE_ISSETUGID],
	[whether the process has another user's rights, or had])
AS_CASE([$ac_cv_have_decl_SOCK_CLOEXEC:$ac_cv_have_decl_SOCK_NONBLOCK],
	[yes:yes], [mio_sock_flags=yes],
	[mio_sock_flags=no])
MIO_DEFINE_IF([$mio_sock_flags], [HAVE_SOCK_CLOEXEC],
	[SOCK_CLOEXEC and SOCK_NONBLOCK for socket and accept4])
MIO_DEFINE_IF([$ac_cv_have_decl_MSG_NOSIGNAL], [HAVE_MSG_NOSIGNAL],
	[send without SIGPIPE, per call])
MIO_DEFINE_IF([$ac_cv_have_decl_SO_NOSIGPIPE], [HAVE_SO_NOSIGPIPE],
	[send without SIGPIPE, per socket])
])
