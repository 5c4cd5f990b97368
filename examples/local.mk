# SPDX-License-Identifier: MIT

noinst_PROGRAMS += \
	examples/chat \
	examples/child_pipes \
	examples/demo \
	examples/first \
	examples/listen_fds \
	examples/tcp_client \
	examples/tcp_echo \
	examples/udp_echo \
	examples/unix_fd_pass
check_PROGRAMS += \
	examples/dns_stub \
	examples/launch \
	examples/load
if HAVE_CARES
noinst_PROGRAMS += examples/cares
endif
if HAVE_CURL
noinst_PROGRAMS += examples/curl_multi
endif
if HAVE_GLIB
noinst_PROGRAMS += examples/glib_nested
endif
if HAVE_HIREDIS
noinst_PROGRAMS += examples/redis_async
endif
if HAVE_HTTP_PARSER
noinst_PROGRAMS += examples/http_hello
endif
if HAVE_LINUX_FDS
noinst_PROGRAMS += examples/linux_fds
endif
if HAVE_PQ
noinst_PROGRAMS += examples/pq_async
endif
if HAVE_RECVMMSG
noinst_PROGRAMS += examples/recvmmsg
endif

examples_cares_SOURCES = examples/cares.c
examples_cares_CFLAGS = $(AM_CFLAGS) $(CARES_CFLAGS)
examples_cares_LDADD = lib/libmio.la $(CARES_LIBS)
examples_chat_SOURCES = examples/chat.c
examples_chat_CFLAGS = $(AM_CFLAGS) -pthread
examples_chat_LDADD = lib/libmio.la
examples_child_pipes_SOURCES = examples/child_pipes.c
examples_child_pipes_LDADD = lib/libmio.la
examples_curl_multi_SOURCES = examples/curl_multi.c
examples_curl_multi_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
examples_curl_multi_LDADD = lib/libmio.la $(CURL_LIBS)
examples_demo_SOURCES = examples/demo.c
examples_demo_LDADD = lib/libmio.la
examples_dns_stub_SOURCES = examples/dns_stub.c
examples_dns_stub_LDADD = lib/libmio.la
examples_first_SOURCES = examples/first.c
examples_first_LDADD = lib/libmio.la
examples_glib_nested_SOURCES = examples/glib_nested.c
examples_glib_nested_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS)
examples_glib_nested_LDADD = lib/libmio.la $(GLIB_LIBS)
examples_http_hello_SOURCES = examples/http_hello.c
examples_http_hello_LDADD = lib/libmio.la $(HTTP_PARSER_LIBS)
examples_launch_SOURCES = examples/launch.c
examples_launch_LDADD = lib/libmio.la
examples_linux_fds_SOURCES = examples/linux_fds.c
examples_linux_fds_LDADD = lib/libmio.la
examples_listen_fds_SOURCES = examples/listen_fds.c
examples_listen_fds_LDADD = lib/libmio.la
examples_load_SOURCES = examples/load.c
examples_load_LDADD = lib/libmio.la
examples_pq_async_SOURCES = examples/pq_async.c
examples_pq_async_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
examples_pq_async_LDADD = lib/libmio.la $(PQ_LIBS)
examples_recvmmsg_SOURCES = examples/recvmmsg.c
examples_recvmmsg_LDADD = lib/libmio.la
examples_redis_async_SOURCES = examples/redis_async.c
examples_redis_async_CFLAGS = $(AM_CFLAGS) $(HIREDIS_CFLAGS)
examples_redis_async_LDADD = lib/libmio.la $(HIREDIS_LIBS)
examples_tcp_client_SOURCES = examples/tcp_client.c
examples_tcp_client_LDADD = lib/libmio.la
examples_tcp_echo_SOURCES = examples/tcp_echo.c
examples_tcp_echo_LDADD = lib/libmio.la
examples_udp_echo_SOURCES = examples/udp_echo.c
examples_udp_echo_LDADD = lib/libmio.la
examples_unix_fd_pass_SOURCES = examples/unix_fd_pass.c
examples_unix_fd_pass_LDADD = lib/libmio.la

examplesdir = $(docdir)/examples
dist_examples_DATA = \
	examples/Makefile \
	examples/cares.c \
	examples/chat.c \
	examples/child_pipes.c \
	examples/curl_multi.c \
	examples/demo.c \
	examples/dns_stub.c \
	examples/first.c \
	examples/glib_nested.c \
	examples/http_hello.c \
	examples/launch.c \
	examples/linux_fds.c \
	examples/listen_fds.c \
	examples/load.c \
	examples/pq_async.c \
	examples/recvmmsg.c \
	examples/redis_async.c \
	examples/redis_mio.h \
	examples/tcp_client.c \
	examples/tcp_echo.c \
	examples/udp_echo.c \
	examples/unix_fd_pass.c

cmakeexampledir = $(examplesdir)/cmake-consumer
dist_cmakeexample_DATA = examples/cmake-consumer/CMakeLists.txt
mesonexampledir = $(examplesdir)/meson-consumer
dist_mesonexample_DATA = examples/meson-consumer/meson.build

TESTS += \
	examples/tests/test-cares.sh \
	examples/tests/test-curl.sh \
	examples/tests/test-examples.sh \
	examples/tests/test-hostile.sh \
	examples/tests/test-http.sh \
	examples/tests/test-more.sh \
	examples/tests/test-pq.sh \
	examples/tests/test-redis.sh \
	examples/tests/test-tcp-echo.sh
EXTRA_DIST += \
	examples/libmio.bt \
	examples/tests/hostile.py \
	examples/tests/test-cares.sh \
	examples/tests/test-curl.sh \
	examples/tests/test-examples.sh \
	examples/tests/test-hostile.sh \
	examples/tests/test-http.sh \
	examples/tests/test-more.sh \
	examples/tests/test-pq.sh \
	examples/tests/test-redis.sh \
	examples/tests/test-tcp-echo.sh \
	examples/tests/testing.sh

# 5,000 connections through 1 MiB each, on every backend.
check-echo-big: examples/demo examples/load examples/tcp_client \
		examples/tcp_echo
	$(AM_V_at)$(AM_TESTS_ENVIRONMENT) \
		$(SHELL) $(srcdir)/examples/tests/test-tcp-echo.sh --big

.PHONY: check-echo-big
