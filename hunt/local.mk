# SPDX-License-Identifier: MIT

# Needs what make check builds, and Python 3; the suite's answer takes a while.
MUTANTS_FLAGS = --count 330
mutants: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS=
	python3 $(srcdir)/hunt/mutants $(MUTANTS_FLAGS)
EXTRA_DIST += hunt/mutants hunt/mutants.known
.PHONY: mutants

# For each backend as long as said, after the other.
SOAK_SECONDS = 10
EXTRA_PROGRAMS += hunt/soak
CLEANFILES += hunt/soak
hunt_soak_SOURCES = hunt/soak.c
hunt_soak_CFLAGS = $(AM_CFLAGS) -pthread
hunt_soak_LDADD = lib/libmio-core.la
hunt_soak_LDFLAGS = \
	$(AM_LDFLAGS) \
	-Wl,--wrap=poll \
	-Wl,--wrap=ppoll
soak: hunt/soak
	hunt/soak -s $(SOAK_SECONDS) $(SOAK_FLAGS)
.PHONY: soak
