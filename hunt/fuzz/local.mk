# SPDX-License-Identifier: MIT

EXTRA_PROGRAMS += hunt/fuzz/run
hunt_fuzz_run_SOURCES = \
	hunt/fuzz/fuzz.c \
	hunt/fuzz/fuzz.h \
	hunt/fuzz/make.c \
	hunt/fuzz/run.c \
	hunt/fuzz/trace.c \
	hunt/fuzz/world.c
hunt_fuzz_run_LDADD = lib/libmio.la

EXTRA_DIST += \
	hunt/fuzz/fuzz.sh \
	hunt/fuzz/target.c
CLEANFILES += hunt/fuzz/run

FUZZ_SECONDS = 3600
fuzz: hunt/fuzz/addr hunt/fuzz/run
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) \
		LIBRARY='$(lib_libmio_core_la_SOURCES)' \
		BACKENDS='$(MIO_BACKEND_OBJECTS:.lo=.c)' \
		$(SHELL) $(srcdir)/hunt/fuzz/fuzz.sh $(FUZZ_SECONDS)

fuzz-quick: hunt/fuzz/addr hunt/fuzz/run
	$(MAKE) $(AM_MAKEFLAGS) fuzz FUZZ_SECONDS=80

.PHONY: fuzz fuzz-quick

# Addresses as text, beside what the libc makes of them.
check_PROGRAMS += hunt/fuzz/addr
TESTS += hunt/fuzz/addr
hunt_fuzz_addr_SOURCES = hunt/fuzz/addr.c
hunt_fuzz_addr_LDADD = lib/libmio.la
