# SPDX-License-Identifier: MIT

# Measurements against the system's epoll, so for Linux only.
EXTRA_PROGRAMS += \
	bench/chain \
	bench/churn \
	bench/wake

bench_chain_SOURCES = bench/chain.c
bench_chain_LDADD = lib/libmio.la
bench_churn_SOURCES = bench/churn.c
bench_churn_LDADD = lib/libmio.la
bench_wake_SOURCES = bench/wake.c
bench_wake_LDADD = lib/libmio.la

EXTRA_DIST += \
	bench/check-instructions \
	bench/peers.c
CLEANFILES += \
	bench/chain \
	bench/churn \
	bench/wake

# What cannot be measured here (exit status 77) is no failure.
bench-instructions: bench/chain bench/churn bench/wake
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) \
		$(SHELL) $(srcdir)/bench/check-instructions || test $$? -eq 77

.PHONY: bench-instructions
