dnl SPDX-License-Identifier: MIT
dnl Static probes.

AC_DEFUN([MIO_USDT], [
AC_ARG_ENABLE([usdt],
	[AS_HELP_STRING([--enable-usdt],
		[static probes for bpftrace and its like, with systemtap's
		sys/sdt.h @<:@no@:>@])],
	[],
	[enable_usdt=no])
MIO_YES_NO([usdt], [$enable_usdt])
AS_IF([test "$enable_usdt" = "yes"], [
	AC_CHECK_HEADER([sys/sdt.h], [],
		[AC_MSG_ERROR([--enable-usdt: there is no sys/sdt.h])])
	AC_DEFINE([ENABLE_USDT], [1], [Static probes])])
])
