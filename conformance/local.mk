# SPDX-License-Identifier: MIT

TEST_EXTENSIONS += .conf
CONF_LOG_COMPILER = $(SHELL)
AM_CONF_LOG_FLAGS = $(srcdir)/conformance/run-backend $(CONF_RUNNER)

# One test for each backend; run-backend runs its suites.
CONF_TESTS = $(MIO_CONF_TESTS)
TESTS += \
	$(CONF_TESTS) \
	conformance/test-mini.sh

$(CONF_TESTS): Makefile
	$(AM_V_GEN)$(MKDIR_P) conformance && echo 'see run-backend' >$@

if HAVE_CHECK
CONF_RUNNER = tools/mio-conformance
CONF_TABLE = conformance/table.sh
bin_PROGRAMS += tools/mio-conformance
TESTS += \
	$(CONF_TABLE) \
	conformance/check-rows.sh

# After the backends; its output goes to the terminal, make's own.
AM_TESTS_FD_REDIRECT = 9>&2
conformance/table.log: $(CONF_TESTS:.conf=.log)
else
CONF_RUNNER = conformance/mini
CONF_TABLE =
endif

# The suites, for either runner.
SUITE_SOURCES = \
	conformance/areas.c \
	conformance/asan.h \
	conformance/framework.h \
	conformance/gates.c \
	conformance/gates.h \
	conformance/harness.c \
	conformance/harness.h \
	conformance/main.h \
	conformance/names.c \
	conformance/names.h \
	conformance/situations.c \
	conformance/situations.def \
	conformance/situations.h \
	conformance/test_close.c \
	conformance/test_evt.c \
	conformance/test_fd.c \
	conformance/test_int.c \
	conformance/test_level.c \
	conformance/test_lim.c \
	conformance/test_more.c \
	conformance/test_pipe.c \
	conformance/test_poll.c \
	conformance/test_random.c \
	conformance/test_reg.c \
	conformance/test_regr.c \
	conformance/test_tcpl.c \
	conformance/test_tcps.c \
	conformance/test_udg.c \
	conformance/test_udp.c \
	conformance/test_uds.c \
	conformance/test_wak.c

tools_mio_conformance_SOURCES = \
	$(SUITE_SOURCES) \
	conformance/cells.c \
	conformance/main.c \
	conformance/options.c \
	conformance/options.h \
	conformance/report.c \
	conformance/report.h \
	conformance/report_html.c \
	conformance/results.c \
	conformance/run.c \
	conformance/run.h \
	tools/probe.c \
	tools/probe.h \
	tools/show.c \
	tools/show.h \
	tools/text.c \
	tools/text.h
tools_mio_conformance_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	-I$(top_srcdir)/tools \
	$(CHECK_CFLAGS)
tools_mio_conformance_LDADD = lib/libmio.la $(CHECK_LIBS)

check_PROGRAMS += conformance/mini
conformance_mini_SOURCES = \
	$(SUITE_SOURCES) \
	conformance/mini.c \
	conformance/mini.h
conformance_mini_CPPFLAGS = $(AM_CPPFLAGS) -DMIO_MINI
conformance_mini_LDADD = lib/libmio.la

EXTRA_DIST += \
	conformance/check-rows.sh \
	conformance/rows \
	conformance/run-backend \
	conformance/table.sh \
	conformance/test-mini.sh
CLEANFILES += \
	conformance/*.conf \
	conformance/*.counts

# Programs of their own, for --wrap and seccomp, and to count.
check_PROGRAMS += \
	conformance/test_calls \
	conformance/test_fault \
	conformance/test_sandbox \
	conformance/test_threads \
	conformance/test_units
TESTS += \
	conformance/test_calls \
	conformance/test_fault \
	conformance/test_sandbox \
	conformance/test_threads \
	conformance/test_units
conformance_test_calls_SOURCES = conformance/test_calls.c
conformance_test_calls_LDADD = lib/libmio.la
conformance_test_fault_SOURCES = \
	conformance/asan.h \
	conformance/faults.def \
	conformance/test_fault.c
# What is cancelled in the library's calls unwinds through it.
conformance_test_fault_CFLAGS = $(AM_CFLAGS) $(MIO_LIB_CFLAGS)
conformance_test_fault_LDADD = lib/libmio-core.la
conformance_test_fault_LDFLAGS = \
	$(AM_LDFLAGS) \
	-Wl,--wrap=accept \
	-Wl,--wrap=accept4 \
	-Wl,--wrap=bind \
	-Wl,--wrap=calloc \
	-Wl,--wrap=close \
	-Wl,--wrap=connect \
	-Wl,--wrap=epoll_create1 \
	-Wl,--wrap=epoll_ctl \
	-Wl,--wrap=epoll_pwait2 \
	-Wl,--wrap=epoll_wait \
	-Wl,--wrap=eventfd \
	-Wl,--wrap=fcntl \
	-Wl,--wrap=fcntl64 \
	-Wl,--wrap=free \
	-Wl,--wrap=fstat \
	-Wl,--wrap=fstat64 \
	-Wl,--wrap=getpeername \
	-Wl,--wrap=getsockname \
	-Wl,--wrap=getsockopt \
	-Wl,--wrap=listen \
	-Wl,--wrap=malloc \
	-Wl,--wrap=pipe \
	-Wl,--wrap=pipe2 \
	-Wl,--wrap=poll \
	-Wl,--wrap=ppoll \
	-Wl,--wrap=pthread_mutex_init \
	-Wl,--wrap=pthread_mutex_lock \
	-Wl,--wrap=pthread_mutex_unlock \
	-Wl,--wrap=read \
	-Wl,--wrap=readv \
	-Wl,--wrap=realloc \
	-Wl,--wrap=recv \
	-Wl,--wrap=recvfrom \
	-Wl,--wrap=recvmsg \
	-Wl,--wrap=send \
	-Wl,--wrap=sendmsg \
	-Wl,--wrap=sendto \
	-Wl,--wrap=setsockopt \
	-Wl,--wrap=shutdown \
	-Wl,--wrap=socket \
	-Wl,--wrap=socketpair \
	-Wl,--wrap=write \
	-Wl,--wrap=writev
conformance_test_sandbox_SOURCES = conformance/test_sandbox.c
conformance_test_sandbox_LDADD = lib/libmio.la
conformance_test_threads_SOURCES = conformance/test_threads.c
conformance_test_threads_LDADD = lib/libmio-core.la
conformance_test_units_SOURCES = conformance/test_units.c
conformance_test_units_LDADD = lib/libmio-core.la
conformance_test_units_LDFLAGS = \
	$(AM_LDFLAGS) \
	-Wl,--wrap=epoll_pwait2 \
	-Wl,--wrap=epoll_wait \
	-Wl,--wrap=poll \
	-Wl,--wrap=ppoll

# Ten million wakes, each waited for; some minutes.
check-wakes: conformance/test_threads
	conformance/test_threads 0 625000
.PHONY: check-wakes

# Needs what make check builds, and Python 3; the suite's answer takes a while.
MUTANTS_FLAGS = --count 330
mutants: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS=
	python3 $(srcdir)/conformance/mutants $(MUTANTS_FLAGS)
EXTRA_DIST += conformance/mutants conformance/mutants.known
.PHONY: mutants

# For each backend as long as said, after the other.
SOAK_SECONDS = 10
EXTRA_PROGRAMS += conformance/soak
CLEANFILES += conformance/soak
conformance_soak_SOURCES = conformance/soak.c
conformance_soak_CFLAGS = $(AM_CFLAGS) -pthread
conformance_soak_LDADD = lib/libmio-core.la
conformance_soak_LDFLAGS = \
	$(AM_LDFLAGS) \
	-Wl,--wrap=poll \
	-Wl,--wrap=ppoll
soak: conformance/soak
	conformance/soak -s $(SOAK_SECONDS) $(SOAK_FLAGS)
.PHONY: soak

# Of kqueue itself, and what of lib/ fails when it does.
if HAVE_KQUEUE
KQUEUE_TESTS = \
	conformance/test_kqueue \
	conformance/test_kqueue_fault
check_PROGRAMS += $(KQUEUE_TESTS)
TESTS += $(KQUEUE_TESTS)
endif
conformance_test_kqueue_SOURCES = conformance/test_kqueue.c
conformance_test_kqueue_LDADD = $(MODEL_LIBS)
conformance_test_kqueue_fault_SOURCES = conformance/test_kqueue_fault.c
conformance_test_kqueue_fault_LDADD = lib/libmio-core.la
conformance_test_kqueue_fault_LDFLAGS = \
	$(AM_LDFLAGS) \
	-Wl,--wrap=clock_gettime \
	-Wl,--wrap=fcntl \
	-Wl,--wrap=fcntl64 \
	-Wl,--wrap=kevent \
	-Wl,--wrap=kqueue

# A kqueue for systems without one: configure --with-model-kqueue.
if MODEL_KQUEUE
noinst_LTLIBRARIES += conformance/libmodel.la
MODEL_LIBS = conformance/libmodel.la
endif
conformance_libmodel_la_SOURCES = \
	conformance/model/include/sys/event.h \
	conformance/model/kqueue.c

check_PROGRAMS += conformance/test_edges
TESTS += conformance/test_edges
conformance_test_edges_SOURCES = conformance/test_edges.c
conformance_test_edges_LDADD = lib/libmio-core.la
conformance_test_edges_LDFLAGS = \
	$(AM_LDFLAGS) \
	-Wl,--wrap=close \
	-Wl,--wrap=epoll_wait \
	-Wl,--wrap=poll \
	-Wl,--wrap=ppoll \
	-Wl,--wrap=pthread_mutex_lock \
	-Wl,--wrap=pthread_mutex_unlock \
	-Wl,--wrap=write
