dnl SPDX-License-Identifier: MIT
dnl Hardening and sanitizers.

dnl MIO_HARDENING_CFLAGS, MIO_HARDENING_LDFLAGS.  Position-independent
dnl executables are left to the compiler's default: this is a library.
AC_DEFUN([MIO_HARDENING], [
AC_ARG_ENABLE([hardening],
	[AS_HELP_STRING([--enable-hardening],
		[compile and link with the hardening flags that the compiler
		has @<:@no@:>@])],
	[],
	[enable_hardening=no])
MIO_YES_NO([hardening], [$enable_hardening])
MIO_HARDENING_CFLAGS=
MIO_HARDENING_LDFLAGS=
AS_IF([test "$enable_hardening" = "yes"], [
	m4_foreach_w([mio_flag], [
			-D_FORTIFY_SOURCE=2
			-fcf-protection=full
			-fstack-clash-protection
			-fstack-protector-strong],
		[MIO_ADD_CFLAG([MIO_HARDENING_CFLAGS], m4_defn([mio_flag]))
	])
	m4_foreach_w([mio_flag], [
			-Wl,-z,now
			-Wl,-z,relro],
		[MIO_ADD_CFLAG([MIO_HARDENING_LDFLAGS], m4_defn([mio_flag]))
	])
	AS_IF([test "x$MIO_HARDENING_CFLAGS$MIO_HARDENING_LDFLAGS" = "x"],
		[AC_MSG_ERROR(
			[--enable-hardening: $CC has none of the flags])])])
AC_SUBST([MIO_HARDENING_CFLAGS])
AC_SUBST([MIO_HARDENING_LDFLAGS])
])

dnl MIO_SANITIZE_CFLAGS, for the compiler and, as libtool passes them on, the
dnl linker; MIO_SANITIZERS, the list.
AC_DEFUN([MIO_SANITIZE], [
AC_ARG_ENABLE([sanitize],
	[AS_HELP_STRING([--enable-sanitize=LIST],
		[instrument with sanitizers, for example address,undefined or
		thread @<:@no@:>@])],
	[],
	[enable_sanitize=no])
AS_CASE([$enable_sanitize],
	[yes|''], [AC_MSG_ERROR(m4_normalize([
		[--enable-sanitize: say which, for example]
		[--enable-sanitize=address,undefined]]))],
	[*[[!a-z,-]]*|,*|*,|*,,*], [AC_MSG_ERROR(
		[--enable-sanitize=$enable_sanitize: not a list of names])])
MIO_SANITIZE_CFLAGS=
MIO_SANITIZERS=
AS_IF([test "$enable_sanitize" != "no"], [
	for mio_name in `AS_ECHO(["$enable_sanitize"]) | tr , ' '`; do
		AS_CASE([$mio_name],
			[address|leak|memory|thread|undefined], [
				_MIO_PROBE_SANITIZER([$mio_name])],
			[AC_MSG_ERROR(m4_normalize([
				[--enable-sanitize=$mio_name: the choice is]
				[address, leak, memory, thread, undefined]]))])
		AS_VAR_APPEND([MIO_SANITIZERS], [" $mio_name"])
	done
	MIO_SANITIZERS=${MIO_SANITIZERS# }
	dnl Not all of them go together.
	AS_CASE([$enable_sanitize],
		[*,*], [_MIO_PROBE_SANITIZER([$enable_sanitize])])
	MIO_SANITIZE_CFLAGS="-fsanitize=$enable_sanitize"
	AS_VAR_APPEND([MIO_SANITIZE_CFLAGS], [" -fno-omit-frame-pointer"])
	AS_CASE([",$enable_sanitize,"],
		[*,undefined,*], [MIO_ADD_CFLAG([MIO_SANITIZE_CFLAGS],
			[-fno-sanitize-recover=undefined])])])
AC_SUBST([MIO_SANITIZE_CFLAGS])
AC_SUBST([MIO_SANITIZERS])
])

dnl _MIO_PROBE_SANITIZER(LIST)
AC_DEFUN([_MIO_PROBE_SANITIZER],
[AS_VAR_PUSHDEF([mio_cache], [mio_cv_sanitize_$1])
AC_CACHE_CHECK([whether $CC has -fsanitize=$1], [mio_cache],
	[mio_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -fsanitize=$1"
	AC_LINK_IFELSE([AC_LANG_PROGRAM()],
		[AS_VAR_SET([mio_cache], [yes])],
		[AS_VAR_SET([mio_cache], [no])])
	CFLAGS=$mio_save_CFLAGS])
AS_VAR_IF([mio_cache], [yes], [],
	[AC_MSG_ERROR([$CC cannot do --enable-sanitize=$1])])
AS_VAR_POPDEF([mio_cache])])
