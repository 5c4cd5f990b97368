# SPDX-License-Identifier: MIT

check_PROGRAMS += conformance/conformance
conformance_conformance_SOURCES = \
	conformance/gates.c \
	conformance/gates.h \
	conformance/harness.c \
	conformance/harness.h \
	conformance/main.c \
	conformance/test_close.c \
	conformance/test_evt.c \
	conformance/test_fd.c \
	conformance/test_int.c \
	conformance/test_lim.c \
	conformance/test_pipe.c \
	conformance/test_poll.c \
	conformance/test_reg.c \
	conformance/test_tcpl.c \
	conformance/test_tcps.c \
	conformance/test_wak.c
conformance_conformance_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
conformance_conformance_LDADD = lib/libmio.la $(CHECK_LIBS)
