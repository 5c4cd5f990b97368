# SPDX-License-Identifier: MIT

# Measurements against the system's epoll, so for Linux only.
EXTRA_PROGRAMS += \
	bench/chain \
	bench/churn \
	bench/idle \
	bench/wake

bench_chain_SOURCES = bench/chain.c
bench_chain_LDADD = lib/libmio.la
bench_churn_SOURCES = bench/churn.c
bench_churn_LDADD = lib/libmio.la
bench_idle_SOURCES = bench/idle.c
bench_idle_LDADD = lib/libmio.la
bench_wake_SOURCES = bench/wake.c
bench_wake_LDADD = lib/libmio.la

EXTRA_DIST += \
	bench/check-instructions \
	bench/peers.c
CLEANFILES += \
	bench/chain \
	bench/churn \
	bench/idle \
	bench/wake

# What cannot be measured here (exit status 77) is no failure.
# The library's files, for a program that they are compiled with: -flto.
bench-instructions: bench/chain bench/churn bench/idle bench/wake
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) \
		LIBRARY='$(lib_libmio_core_la_SOURCES)' \
		BACKENDS='$(MIO_BACKEND_OBJECTS:.lo=.c)' LIBS='$(LIBS)' \
		LIBRARY_CFLAGS='$(MIO_LIB_CFLAGS)' \
		$(SHELL) $(srcdir)/bench/check-instructions || test $$? -eq 77

.PHONY: bench-instructions
