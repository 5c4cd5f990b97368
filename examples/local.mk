# SPDX-License-Identifier: MIT

noinst_PROGRAMS += \
	examples/chat \
	examples/demo \
	examples/tcp_client \
	examples/tcp_echo
check_PROGRAMS += examples/load

examples_chat_SOURCES = examples/chat.c
examples_chat_CFLAGS = $(AM_CFLAGS) -pthread
examples_chat_LDADD = lib/libmio.la
examples_demo_SOURCES = examples/demo.c
examples_demo_LDADD = lib/libmio.la
examples_load_SOURCES = examples/load.c
examples_load_LDADD = lib/libmio.la
examples_tcp_client_SOURCES = examples/tcp_client.c
examples_tcp_client_LDADD = lib/libmio.la
examples_tcp_echo_SOURCES = examples/tcp_echo.c
examples_tcp_echo_LDADD = lib/libmio.la

examplesdir = $(docdir)/examples
dist_examples_DATA = \
	examples/chat.c \
	examples/demo.c \
	examples/load.c \
	examples/tcp_client.c \
	examples/tcp_echo.c

TESTS += \
	examples/test-examples.sh \
	examples/test-tcp-echo.sh
EXTRA_DIST += \
	examples/test-examples.sh \
	examples/test-tcp-echo.sh

# 5,000 connections through 1 MiB each, on every backend.
check-echo-big: examples/demo examples/load examples/tcp_client \
		examples/tcp_echo
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) \
		$(SHELL) $(srcdir)/examples/test-tcp-echo.sh --big

.PHONY: check-echo-big
