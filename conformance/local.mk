# SPDX-License-Identifier: MIT

TEST_EXTENSIONS += .conf
CONF_LOG_COMPILER = $(SHELL)
AM_CONF_LOG_FLAGS = $(srcdir)/conformance/runner/run-backend $(CONF_RUNNER)

# One test for each backend; run-backend runs its suites.
CONF_TESTS = $(MIO_CONF_TESTS)
TESTS += \
	$(CONF_TESTS) \
	conformance/runner/test-mini.sh

$(CONF_TESTS): Makefile
	$(AM_V_GEN)$(MKDIR_P) conformance && echo 'see run-backend' >$@

if HAVE_CHECK
CONF_RUNNER = tools/mio-conformance
CONF_TABLE = conformance/runner/table.sh
bin_PROGRAMS += tools/mio-conformance
TESTS += \
	$(CONF_TABLE) \
	conformance/runner/check-rows.sh

# After the backends; its output goes to the terminal, make's own.
AM_TESTS_FD_REDIRECT = 9>&2
conformance/runner/table.log: $(CONF_TESTS:.conf=.log)
else
CONF_RUNNER = conformance/mini
CONF_TABLE =
endif

# The suites, for either runner.
SUITE_SOURCES = \
	conformance/harness/asan.h \
	conformance/harness/framework.h \
	conformance/harness/gates.c \
	conformance/harness/gates.h \
	conformance/harness/harness.c \
	conformance/harness/harness.h \
	conformance/harness/main.h \
	conformance/harness/names.c \
	conformance/harness/names.h \
	conformance/suites/areas.c \
	conformance/suites/situations.c \
	conformance/suites/situations.def \
	conformance/suites/situations.h \
	conformance/suites/test_addr.c \
	conformance/suites/test_close.c \
	conformance/suites/test_evt.c \
	conformance/suites/test_fd.c \
	conformance/suites/test_int.c \
	conformance/suites/test_level.c \
	conformance/suites/test_lim.c \
	conformance/suites/test_more.c \
	conformance/suites/test_pipe.c \
	conformance/suites/test_poll.c \
	conformance/suites/test_random.c \
	conformance/suites/test_reg.c \
	conformance/suites/test_regr.c \
	conformance/suites/test_tcpl.c \
	conformance/suites/test_tcps.c \
	conformance/suites/test_udg.c \
	conformance/suites/test_udp.c \
	conformance/suites/test_uds.c \
	conformance/suites/test_wak.c

ROOMS_CPPFLAGS = \
	$(AM_CPPFLAGS) \
	-I$(top_srcdir)/conformance/harness \
	-I$(top_srcdir)/conformance/runner \
	-I$(top_srcdir)/conformance/suites

tools_mio_conformance_SOURCES = \
	$(SUITE_SOURCES) \
	conformance/runner/cells.c \
	conformance/runner/kinds.c \
	conformance/runner/kinds.h \
	conformance/runner/main.c \
	conformance/runner/options.c \
	conformance/runner/options.h \
	conformance/runner/report.c \
	conformance/runner/report.h \
	conformance/runner/report_html.c \
	conformance/runner/results.c \
	conformance/runner/run.c \
	conformance/runner/run.h \
	tools/probe.c \
	tools/probe.h \
	tools/show.c \
	tools/show.h \
	tools/text.c \
	tools/text.h
tools_mio_conformance_CPPFLAGS = \
	$(ROOMS_CPPFLAGS) \
	-I$(top_srcdir)/tools \
	$(CHECK_CFLAGS)
tools_mio_conformance_LDADD = lib/libmio.la $(CHECK_LIBS)

check_PROGRAMS += conformance/mini
conformance_mini_SOURCES = \
	$(SUITE_SOURCES) \
	conformance/runner/kinds.c \
	conformance/runner/kinds.h \
	conformance/runner/mini.c \
	conformance/runner/mini.h
conformance_mini_CPPFLAGS = $(ROOMS_CPPFLAGS) -DMIO_MINI
conformance_mini_LDADD = lib/libmio.la

EXTRA_DIST += \
	conformance/runner/check-rows.sh \
	conformance/runner/rows \
	conformance/runner/run-backend \
	conformance/runner/table.sh \
	conformance/runner/test-mini.sh
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
conformance_test_calls_SOURCES = conformance/programs/test_calls.c
conformance_test_calls_LDADD = lib/libmio.la
conformance_test_fault_SOURCES = \
	conformance/faults/fault.h \
	conformance/faults/fault_io.c \
	conformance/faults/fault_poll.c \
	conformance/faults/fault_registry.c \
	conformance/faults/fault_sockets.c \
	conformance/faults/fault_waker.c \
	conformance/faults/faults.def \
	conformance/faults/test_fault.c \
	conformance/faults/world.c \
	conformance/faults/wraps.c \
	conformance/harness/asan.h
# What is cancelled in the library's calls unwinds through it.
conformance_test_fault_CPPFLAGS = $(ROOMS_CPPFLAGS)
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
	-Wl,--wrap=if_nametoindex \
	-Wl,--wrap=listen \
	-Wl,--wrap=lseek \
	-Wl,--wrap=lseek64 \
	-Wl,--wrap=madvise \
	-Wl,--wrap=malloc \
	-Wl,--wrap=mmap \
	-Wl,--wrap=mmap64 \
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
conformance_test_sandbox_SOURCES = conformance/faults/test_sandbox.c
conformance_test_sandbox_LDADD = lib/libmio.la
conformance_test_threads_SOURCES = conformance/programs/test_threads.c
conformance_test_threads_LDADD = lib/libmio-core.la
conformance_test_units_SOURCES = conformance/programs/test_units.c
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
.PHONY: check-facts check-wakes

# Of kqueue itself, and what of lib/ fails when it does.
if HAVE_KQUEUE
KQUEUE_TESTS = \
	conformance/test_kqueue \
	conformance/test_kqueue_fault
check_PROGRAMS += $(KQUEUE_TESTS)
TESTS += $(KQUEUE_TESTS)
endif
conformance_test_kqueue_SOURCES = conformance/models/test_kqueue.c
conformance_test_kqueue_LDADD = $(MODEL_LIBS)
conformance_test_kqueue_fault_SOURCES = conformance/faults/test_kqueue_fault.c
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
	conformance/models/bsd.c \
	conformance/models/bsd/calls.h \
	conformance/models/bsd/poll.h \
	conformance/models/include/sys/event.h \
	conformance/models/kernel.h \
	conformance/models/kqueue.c

# That it is like the kernels whose names it takes.
if MODEL_BSD
FACTS = conformance/facts_raw conformance/facts_raw2
check_PROGRAMS += $(FACTS)
check-facts: $(FACTS)
	for kernel in freebsd netbsd openbsd; do \
		$(PYTHON3) $(srcdir)/conformance/models/facts/compare.py \
			$$kernel $(FACTS) || exit; \
	done
endif
conformance_facts_raw_SOURCES = conformance/models/facts/raw.c
conformance_facts_raw_CFLAGS = -w
conformance_facts_raw_LDADD = $(MODEL_LIBS)
conformance_facts_raw2_SOURCES = conformance/models/facts/raw2.c
conformance_facts_raw2_CFLAGS = -w
conformance_facts_raw2_LDADD = $(MODEL_LIBS)
EXTRA_DIST += \
	conformance/models/facts/compare.py \
	conformance/models/facts/freebsd-12.3.not-ok.txt \
	conformance/models/facts/freebsd-12.3.raw.txt \
	conformance/models/facts/freebsd-12.3.raw2.txt \
	conformance/models/facts/netbsd-10.99.12.not-ok.txt \
	conformance/models/facts/netbsd-10.99.12.raw.txt \
	conformance/models/facts/netbsd-10.99.12.raw2.txt \
	conformance/models/facts/openbsd-7.3.not-ok.txt \
	conformance/models/facts/openbsd-7.3.raw.txt

# Headers that lack what some systems' do.
EXTRA_DIST += \
	conformance/models/poor/bits/types.h \
	conformance/models/poor/limits.h \
	conformance/models/poor/net/if.h \
	conformance/models/poor/netinet/in.h \
	conformance/models/poor/poll.h \
	conformance/models/poor/pthread.h \
	conformance/models/poor/sys/ioctl.h \
	conformance/models/poor/sys/uio.h

check_PROGRAMS += conformance/test_edges
TESTS += conformance/test_edges
conformance_test_edges_SOURCES = conformance/programs/test_edges.c
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
