# SPDX-License-Identifier: MIT

# Measurements against the system's epoll, so for Linux only.

# Counted by check-instructions.
EXTRA_PROGRAMS += \
	bench/chain \
	bench/churn \
	bench/forget \
	bench/idle \
	bench/share \
	bench/wake

bench_chain_SOURCES = bench/chain.c
bench_chain_LDADD = lib/libmio.la
bench_churn_SOURCES = bench/churn.c
bench_churn_LDADD = lib/libmio.la
bench_forget_SOURCES = bench/forget.c
bench_forget_LDADD = lib/libmio.la
bench_idle_SOURCES = bench/idle.c
bench_idle_LDADD = lib/libmio.la
bench_share_SOURCES = bench/share.c
bench_share_CFLAGS = $(AM_CFLAGS) -pthread
bench_share_LDADD = lib/libmio.la
bench_wake_SOURCES = bench/wake.c
bench_wake_LDADD = lib/libmio.la

# What cannot be measured here (exit status 77) is no failure.
# The library's files, for a program that they are compiled with: -flto.
bench-instructions: bench/bench-mio bench/chain bench/churn bench/forget \
		bench/idle bench/wake
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) \
		LIBRARY='$(lib_libmio_core_la_SOURCES)' \
		BACKENDS='$(MIO_BACKEND_OBJECTS:.lo=.c)' LIBS='$(LIBS)' \
		LIBRARY_CFLAGS='$(MIO_LIB_CFLAGS)' \
		$(SHELL) $(srcdir)/bench/check-instructions || test $$? -eq 77

# Connections shared out to threads: in two ways, a table.
bench-share: bench/share
	bench/share
.PHONY: bench-share

# The same work by each peer, run by bench.py.  The work is inlined into the
# peer's loop, as it would be in a user's program.
BENCHMARKS = \
	bench/bench-epoll \
	bench/bench-mio \
	bench/bench-mio-static \
	bench/bench-poll
if HAVE_LIBEV
BENCHMARKS += bench/bench-libev
endif
if HAVE_LIBEVENT
BENCHMARKS += bench/bench-libevent
endif
if HAVE_LIBUV
BENCHMARKS += bench/bench-libuv
endif
if HAVE_LTO
BENCHMARKS += bench/bench-mio-lto
BENCH_LTO = -flto
endif
if HAVE_RUST_MIO
BENCHMARKS += bench/bench-mio-rs
endif
EXTRA_PROGRAMS += $(BENCHMARKS)

BENCH_WORK = \
	bench/peer.h \
	bench/serve.c \
	bench/work.c
BENCH_FLAGS = $(AM_CFLAGS) $(BENCH_LTO) -pthread
# In place, not a script that sets library paths first.
BENCH_IN_PLACE = $(AM_LDFLAGS) -no-install

bench_bench_epoll_SOURCES = $(BENCH_WORK) bench/peer_epoll.c
bench_bench_epoll_CFLAGS = $(BENCH_FLAGS)
bench_bench_libev_SOURCES = $(BENCH_WORK) bench/peer_libev.c
bench_bench_libev_CFLAGS = $(BENCH_FLAGS)
bench_bench_libev_LDADD = -lev
bench_bench_libevent_SOURCES = $(BENCH_WORK) bench/peer_libevent.c
bench_bench_libevent_CFLAGS = $(BENCH_FLAGS) $(LIBEVENT_CFLAGS)
bench_bench_libevent_LDADD = $(LIBEVENT_LIBS)
bench_bench_libuv_SOURCES = $(BENCH_WORK) bench/peer_libuv.c
bench_bench_libuv_CFLAGS = $(BENCH_FLAGS) $(LIBUV_CFLAGS)
bench_bench_libuv_LDADD = $(LIBUV_LIBS)
bench_bench_mio_SOURCES = $(BENCH_WORK) bench/peer_mio.c
bench_bench_mio_CFLAGS = $(BENCH_FLAGS)
bench_bench_mio_LDADD = lib/libmio.la
bench_bench_mio_LDFLAGS = $(BENCH_IN_PLACE)
bench_bench_mio_static_SOURCES = $(BENCH_WORK) bench/peer_mio.c
bench_bench_mio_static_CFLAGS = $(BENCH_FLAGS)
bench_bench_mio_static_LDADD = lib/libmio.la
bench_bench_mio_static_LDFLAGS = $(AM_LDFLAGS) -static
# The library's files once more, so that it is optimized with its user; as
# --enable-single-backend has them.
bench_bench_mio_lto_SHORTNAME = lto
bench_bench_mio_lto_SOURCES = \
	$(BENCH_WORK) \
	bench/peer_mio.c \
	$(lib_libmio_core_la_SOURCES)
EXTRA_bench_bench_mio_lto_SOURCES = $(EXTRA_lib_libmio_core_la_SOURCES)
bench_bench_mio_lto_CPPFLAGS = $(AM_CPPFLAGS) $(MIO_ONLY_CPPFLAGS)
bench_bench_mio_lto_CFLAGS = $(BENCH_FLAGS) $(MIO_LIB_CFLAGS)
bench_bench_mio_lto_LDADD = $(MIO_LTO_OBJECTS)
bench_bench_mio_lto_DEPENDENCIES = $(MIO_LTO_OBJECTS)
bench_bench_mio_rs_SOURCES = $(BENCH_WORK)
bench_bench_mio_rs_CFLAGS = $(BENCH_FLAGS)
bench_bench_mio_rs_LDADD = bench/rust/libbench_mio_rs.a -lgcc_s -ldl -lm
bench_bench_poll_SOURCES = $(BENCH_WORK) bench/peer_poll.c
bench_bench_poll_CFLAGS = $(BENCH_FLAGS)

# A copy is built, since cargo writes beside Cargo.toml.  All crates are the
# distribution's.
bench/rust/libbench_mio_rs.a: bench/rust/Cargo.toml bench/rust/lib.rs
	$(AM_V_GEN)$(SHELL) $(srcdir)/bench/rust/build '$(CARGO)' \
		'$(RUST_REGISTRY)' $(srcdir)/bench/rust bench/rust/work $@

BENCH_RUN = \
	$(AM_V_at)test -n '$(PYTHON3)' || { \
		echo 'python3 was not there when configure ran' >&2; exit 1; }; \
	CC='$(CC)' CFLAGS='$(CFLAGS)' $(PYTHON3) -B $(srcdir)/bench/bench.py \
		--output bench/report

# BENCH='--rounds 20 --work echo' passes options on; --help lists them.
bench: $(BENCHMARKS)
	$(BENCH_RUN) $(BENCH)
bench-quick: $(BENCHMARKS)
	$(BENCH_RUN) --quick $(BENCH)
# REPORTS='FIRST SECOND': of runs with BENCH='--output FIRST' and so on.
bench-agree:
	$(AM_V_at)$(PYTHON3) -B $(srcdir)/bench/claims.py $(REPORTS)

EXTRA_DIST += \
	bench/bench.py \
	bench/check-instructions \
	bench/claims.py \
	bench/pictures.py \
	bench/rust/Cargo.toml \
	bench/rust/build \
	bench/rust/lib.rs
CLEANFILES += \
	$(BENCHMARKS) \
	bench/chain \
	bench/churn \
	bench/forget \
	bench/idle \
	bench/rust/libbench_mio_rs.a \
	bench/share \
	bench/wake

mostlyclean-local:
	rm -rf bench/report bench/rust/work

.PHONY: bench bench-agree bench-instructions bench-quick
