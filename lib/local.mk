# SPDX-License-Identifier: MIT

# libmio-core.la is for tests that need what libmio.la hides; both are made of
# the same objects.
lib_LTLIBRARIES = lib/libmio.la
noinst_LTLIBRARIES += lib/libmio-core.la

lib_libmio_core_la_SHORTNAME = mio
lib_libmio_core_la_SOURCES = \
	lib/addr.c \
	lib/append.h \
	lib/events.c \
	lib/pipe.c \
	lib/poll.c \
	lib/probes.h \
	lib/registry.c \
	lib/selector.h \
	lib/selector/table.c \
	lib/source.c \
	lib/source.h \
	lib/sys/cancel.h \
	lib/sys/fd.c \
	lib/sys/process.c \
	lib/sys/socket.c \
	lib/sys/sys.h \
	lib/tcp.c \
	lib/udp.c \
	lib/unix.c \
	lib/version.c \
	lib/waker.c \
	lib/waker.h
# configure picks from these: MIO_BACKEND_OBJECTS.
EXTRA_lib_libmio_core_la_SOURCES = \
	lib/selector/epoll.c \
	lib/selector/kqueue.c \
	lib/selector/kqueue.h \
	lib/selector/poll.c \
	lib/waker/eventfd.c \
	lib/waker/pipe.c \
	lib/waker/user.c
lib_libmio_core_la_CFLAGS = $(AM_CFLAGS) $(MIO_LIB_CFLAGS)
lib_libmio_core_la_LIBADD = \
	$(MIO_BACKEND_OBJECTS) \
	$(MODEL_LIBS)
lib_libmio_core_la_DEPENDENCIES = $(lib_libmio_core_la_LIBADD)

# Version-info as the libtool manual has it; HACKING says when to change it.
lib_libmio_la_SOURCES =
lib_libmio_la_LDFLAGS = \
	$(AM_LDFLAGS) \
	$(EXPORTS_LDFLAGS) \
	-no-undefined \
	-version-info 1:0:1
lib_libmio_la_CFLAGS = $(lib_libmio_core_la_CFLAGS)
lib_libmio_la_LIBADD = \
	$(lib_libmio_core_la_OBJECTS) \
	$(MIO_BACKEND_OBJECTS) \
	$(MODEL_LIBS)
lib_libmio_la_DEPENDENCIES = \
	$(lib_libmio_la_LIBADD) \
	$(EXPORTS_FILE)

if HAVE_VERSION_SCRIPT
EXPORTS_FILE = lib/libmio.map
EXPORTS_LDFLAGS = -Wl,--version-script=$(srcdir)/lib/libmio.map
else
EXPORTS_FILE = lib/libmio.sym
if HAVE_SYMBOL_LIST
EXPORTS_LDFLAGS = -export-symbols lib/libmio.sym
else
EXPORTS_LDFLAGS =
endif
endif

lib/libmio.sym: lib/libmio.map
	$(AM_V_GEN)$(SED) -n 's/^	\(mio_[a-z0-9_]*\);$$/\1/p' \
		$(srcdir)/lib/libmio.map >$@

CLEANFILES += lib/libmio.sym
EXTRA_DIST += lib/libmio.map lib/selector/poll.pml lib/waker.pml
