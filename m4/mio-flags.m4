dnl SPDX-License-Identifier: MIT
dnl Flags of the compiler and the linker.  They go into variables of our own
dnl that stand before CFLAGS and LDFLAGS, so the user's have the last word.

dnl MIO_HOLD_WERROR, MIO_RELEASE_WERROR
dnl What the user's CFLAGS make errors of warnings is for the library's code:
dnl for the probes, Autoconf's own among them, an answer must not depend on it.
AC_DEFUN([MIO_HOLD_WERROR], [
mio_held=
mio_rest=
for mio_flag in $CFLAGS; do
	AS_CASE([$mio_flag],
		[-Werror|-Werror=*|-pedantic-errors],
			[AS_VAR_APPEND([mio_held], [" $mio_flag"])],
		[AS_VAR_APPEND([mio_rest], [" $mio_flag"])])
done
dnl An empty CFLAGS is the user's choice, too: no -g -O2.
AS_IF([test -n "$mio_held"], [CFLAGS=${mio_rest# }])
])
AC_DEFUN([MIO_RELEASE_WERROR], [CFLAGS="$CFLAGS$mio_held"])

dnl MIO_PROG_CC_C11
dnl C11 or later.  Autoconf's variable tells which -std it added, and has other
dnl words with each release: the language is asked, not it.
AC_DEFUN([MIO_PROG_CC_C11],
[AC_CACHE_CHECK([whether $CC compiles C11], [mio_cv_prog_cc_c11],
	[AC_LINK_IFELSE([AC_LANG_SOURCE([[
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#if !defined __STDC_VERSION__ || __STDC_VERSION__ < 201112L
#error before C11
#endif
_Static_assert(sizeof(char) == 1, "a char");
struct outer {
	_Alignas(8) char first;
	struct {
		int inner;
	};
};
static _Atomic(uint32_t) counter;
int
main(void)
{
	struct outer outer = { .inner = 0 };

	atomic_store_explicit(&counter, 0, memory_order_release);
	return outer.inner + (int)atomic_load(&counter);
}]])],
		[mio_cv_prog_cc_c11=yes],
		[mio_cv_prog_cc_c11=no])])
AS_IF([test "$mio_cv_prog_cc_c11" != "yes"],
	[AC_MSG_ERROR([libmio needs a C11 compiler; set CC to one])])
])

dnl MIO_ADD_CFLAG(VARIABLE, FLAG)
dnl Appends FLAG to VARIABLE if it compiles and links without a warning.
AC_DEFUN([MIO_ADD_CFLAG],
[AS_VAR_PUSHDEF([mio_cache], [mio_cv_cflag_$2])
AC_CACHE_CHECK([whether $CC accepts $2], [mio_cache],
	[mio_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -Werror $2"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <string.h>]],
			[[char text[16]; memset(text, 0, sizeof(text));]])],
		[AS_VAR_SET([mio_cache], [yes])],
		[AS_VAR_SET([mio_cache], [no])])
	CFLAGS=$mio_save_CFLAGS])
AS_VAR_IF([mio_cache], [yes],
	[AS_VAR_APPEND([$1], [" $2"])])
AS_VAR_POPDEF([mio_cache])])

dnl MIO_YES_NO(OPTION, VALUE)
dnl Refuses every VALUE of --enable-OPTION but yes and no.
AC_DEFUN([MIO_YES_NO],
[AS_CASE([$2],
	[yes|no], [],
	[AC_MSG_ERROR([--enable-$1=$2: say yes or no])])])

dnl MIO_WARNING_CFLAGS
AC_DEFUN([MIO_WARNING_FLAGS], [
AC_ARG_ENABLE([werror],
	[AS_HELP_STRING([--enable-werror],
		[make compiler warnings errors @<:@no@:>@])],
	[],
	[enable_werror=no])
MIO_YES_NO([werror], [$enable_werror])
MIO_WARNING_CFLAGS=
m4_foreach_w([mio_flag], [
		-Wall
		-Wextra
		-Wpedantic
		-Wconversion
		-Wformat=2
		-Wmissing-prototypes
		-Wold-style-definition
		-Wpointer-arith
		-Wshadow
		-Wstrict-prototypes
		-Wundef
		-Wvla
		-Wwrite-strings],
	[MIO_ADD_CFLAG([MIO_WARNING_CFLAGS], m4_defn([mio_flag]))
])
AS_IF([test "$enable_werror" = "yes"],
	[AS_VAR_APPEND([MIO_WARNING_CFLAGS], [" -Werror"])])
AC_SUBST([MIO_WARNING_CFLAGS])
])

dnl MIO_LIB_CFLAGS, for lib/ alone.
AC_DEFUN([MIO_LIBRARY_FLAGS], [
MIO_LIB_CFLAGS=
MIO_ADD_CFLAG([MIO_LIB_CFLAGS], [-fvisibility=hidden])
dnl With unwind tables pthread_cleanup_push costs nothing.  Only where C
dnl libraries have them, too: glibc's epoll_wait cannot be unwound on 32-bit
dnl ARM and riscv64, and the handler would not run.
AS_CASE([$host_cpu],
	[x86_64|i?86|aarch64|s390*|powerpc64*],
	[MIO_ADD_CFLAG([MIO_LIB_CFLAGS], [-fexceptions])])
dnl System calls are all that lib/ calls: not through a stub each time.
MIO_ADD_CFLAG([MIO_LIB_CFLAGS], [-fno-plt])
AC_SUBST([MIO_LIB_CFLAGS])
])

dnl Whether the linker takes lib/libmio.map; else libtool's -export-symbols.
dnl One that links with nonsense as well ignores the script.
AC_DEFUN([MIO_VERSION_SCRIPT], [
AC_CACHE_CHECK([whether the linker takes a version script],
	[mio_cv_ld_version_script],
	[mio_save_LDFLAGS=$LDFLAGS
	LDFLAGS="$LDFLAGS -shared -fPIC -Wl,--version-script=conftest.map"
	AS_ECHO(["V_1 { global: mio_test; local: *; };"]) >conftest.map
	AC_LINK_IFELSE([AC_LANG_SOURCE([[
int mio_test(void);
int mio_test(void) { return 0; }]])],
		[AS_ECHO(["V_1 { global:"]) >conftest.map
		AC_LINK_IFELSE([AC_LANG_SOURCE([[
int mio_test(void);
int mio_test(void) { return 0; }]])],
			[mio_cv_ld_version_script=no],
			[mio_cv_ld_version_script=yes])],
		[mio_cv_ld_version_script=no])
	rm -f conftest.map
	LDFLAGS=$mio_save_LDFLAGS])
AM_CONDITIONAL([HAVE_VERSION_SCRIPT],
	[test "$mio_cv_ld_version_script" = "yes"])
dnl Libtool hands the list to linkers that it takes for GNU's, untried; if
dnl this one is none, there is still -fvisibility.
AC_CACHE_CHECK([whether the linker takes a list of symbols],
	[mio_cv_ld_symbol_list],
	[mio_cv_ld_symbol_list=yes
	AS_CASE([$archive_expsym_cmds],
		[*-retain-symbols-file*], [
			mio_save_LDFLAGS=$LDFLAGS
			LDFLAGS="$LDFLAGS -Wl,-retain-symbols-file"
			LDFLAGS="$LDFLAGS -Wl,conftest.sym"
			AS_ECHO([main]) >conftest.sym
			AC_LINK_IFELSE([AC_LANG_PROGRAM()],
				[],
				[mio_cv_ld_symbol_list=no])
			rm -f conftest.sym
			LDFLAGS=$mio_save_LDFLAGS])])
AM_CONDITIONAL([HAVE_SYMBOL_LIST],
	[test "$mio_cv_ld_symbol_list" = "yes"])
])
