# SPDX-License-Identifier: MIT

EXTRA_PROGRAMS += fuzz/run
fuzz_run_SOURCES = \
	fuzz/fuzz.c \
	fuzz/fuzz.h \
	fuzz/make.c \
	fuzz/run.c \
	fuzz/trace.c \
	fuzz/world.c
fuzz_run_LDADD = lib/libmio.la

EXTRA_DIST += \
	fuzz/fuzz.sh \
	fuzz/target.c
CLEANFILES += fuzz/run

FUZZ_SECONDS = 3600
fuzz: fuzz/run
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) \
		LIBRARY='$(lib_libmio_core_la_SOURCES)' \
		BACKENDS='$(MIO_BACKEND_OBJECTS:.lo=.c)' \
		$(SHELL) $(srcdir)/fuzz/fuzz.sh $(FUZZ_SECONDS)

fuzz-quick: fuzz/run
	$(MAKE) $(AM_MAKEFLAGS) fuzz FUZZ_SECONDS=80

.PHONY: fuzz fuzz-quick
