/* SPDX-License-Identifier: MIT */
/*
 * The library in a sandbox that refuses its newer system calls: everything
 * must work through the older ones, or say ENOTSUP.
 */

#include "config.h"

#include <mio.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__) && defined(__has_include)
#if __has_include(<linux/seccomp.h>)
#define HAVE_SANDBOX 1
#endif
#endif

#ifndef HAVE_SANDBOX

int
main(void)
{
	fprintf(stderr, "SKIP: seccomp is a facility of Linux\n");
	return 77;
}

#else

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { MAX_RULES = 6, MAX_FD = 256 };

/* What the rules of a sandbox mean for a backend. */
enum { NO_EPOLL = 1, NO_EVENTFD = 2 };

struct rule {
	long nr;
	int err;
	unsigned arg;  /* the rule looks at this argument ... */
	uint32_t mask; /* ... for these bits; 0: refuse every call */
};

struct sandbox {
	const char *name;
	unsigned effect;
	struct rule rule[MAX_RULES];
	size_t rules;
};

#define FLAGS ((uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))
#define PWAIT2(e) { __NR_epoll_pwait2, e, 0, 0 }
#define ACCEPT4(e) { __NR_accept4, e, 0, 0 }
/* pipe(3) may be pipe2 without flags. */
#define PIPE2(e) { __NR_pipe2, e, 1, O_CLOEXEC | O_NONBLOCK }
#define SOCKET(e) { __NR_socket, e, 1, FLAGS }
#define EVENTFD2(e) { __NR_eventfd2, e, 0, 0 }
#define EPOLL_CREATE1(e) { __NR_epoll_create1, e, 0, 0 }

static const struct sandbox sandboxes[] = {
#ifdef __NR_epoll_pwait2
	{ "epoll_pwait2 ENOSYS", 0, { PWAIT2(ENOSYS) }, 1 },
	{ "epoll_pwait2 EPERM", 0, { PWAIT2(EPERM) }, 1 },
#endif
	{ "accept4 ENOSYS", 0, { ACCEPT4(ENOSYS) }, 1 },
	{ "accept4 EPERM", 0, { ACCEPT4(EPERM) }, 1 },
	{ "accept4 EINVAL", 0, { ACCEPT4(EINVAL) }, 1 },
	{ "pipe2 flags ENOSYS", 0, { PIPE2(ENOSYS) }, 1 },
	{ "pipe2 flags EPERM", 0, { PIPE2(EPERM) }, 1 },
	{ "pipe2 flags EINVAL", 0, { PIPE2(EINVAL) }, 1 },
	{ "socket flags EINVAL", 0, { SOCKET(EINVAL) }, 1 },
	{ "socket flags ENOSYS", 0, { SOCKET(ENOSYS) }, 1 },
	{ "socket flags EPERM", 0, { SOCKET(EPERM) }, 1 },
	{ "eventfd2 ENOSYS", NO_EVENTFD, { EVENTFD2(ENOSYS) }, 1 },
	{ "eventfd2 EPERM", NO_EVENTFD, { EVENTFD2(EPERM) }, 1 },
	{ "epoll_create1 ENOSYS", NO_EPOLL, { EPOLL_CREATE1(ENOSYS) }, 1 },
	{ "epoll_create1 EPERM", NO_EPOLL, { EPOLL_CREATE1(EPERM) }, 1 },
#ifdef __NR_epoll_pwait2
	{ "all but epoll and eventfd ENOSYS", 0,
	    { PWAIT2(ENOSYS), ACCEPT4(ENOSYS), PIPE2(ENOSYS),
		SOCKET(EINVAL) }, 4 },
	{ "all EPERM", NO_EPOLL | NO_EVENTFD,
	    { PWAIT2(EPERM), ACCEPT4(EPERM), PIPE2(EPERM), SOCKET(EPERM),
		EVENTFD2(EPERM), EPOLL_CREATE1(EPERM) }, 6 },
#endif
};

/* Only children touch these. */
static const char *sandbox_name = "none";
static const char *backend_name = "";

#define CHECK(cond) check((cond), #cond, __LINE__)

static void
check(bool ok, const char *what, int line)
{
	int saved = errno;

	if (ok)
		return;
	fprintf(stderr, "FAIL %s, %s: line %d: %s (errno %d: %s)\n",
	    sandbox_name, backend_name, line, what, saved, strerror(saved));
	_exit(1);
}

static size_t
rule_code(const struct rule *rule, struct sock_filter *code)
{
	uint32_t nr = (uint32_t)rule->nr;
	uint32_t low = (uint32_t)offsetof(struct seccomp_data, args) +
	    rule->arg * (uint32_t)sizeof(uint64_t);
	const uint32_t ret = SECCOMP_RET_ERRNO | (uint32_t)rule->err;
	size_t n = 0;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	low += (uint32_t)sizeof(uint32_t);
#endif
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    (uint32_t)offsetof(struct seccomp_data, nr));
	if (rule->mask == 0) {
		code[n++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1);
	} else {
		code[n++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3);
		code[n++] = (struct sock_filter)BPF_STMT(
		    BPF_LD | BPF_W | BPF_ABS, low);
		code[n++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JSET | BPF_K, rule->mask, 0, 1);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, ret);
	return n;
}

static int
enter(const struct sandbox *box)
{
	struct sock_filter code[MAX_RULES * 5 + 1];
	struct sock_fprog prog;
	size_t n = 0, i;

	for (i = 0; i < box->rules; i++)
		n += rule_code(&box->rule[i], code + n);
	code[n++] = (struct sock_filter)BPF_STMT(
	    BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = (unsigned short)n;
	prog.filter = code;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0);
}

/* A filter that matches nothing would let every test below pass. */
static void
check_refused(const struct sandbox *box)
{
	int room[2];
	size_t i;
	long ret;

	for (i = 0; i < box->rules; i++) {
		const struct rule *rule = &box->rule[i];

		errno = 0;
		/* No call takes an address for a descriptor. */
		ret = syscall(rule->nr, (long)(intptr_t)room,
		    (long)rule->mask, 0L, 0L, 0L, 0L);
		CHECK(ret == -1);
		/* Older kernels, and valgrind, lack some of them anyway. */
		CHECK(errno == rule->err || errno == ENOSYS);
	}
}

static int
open_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < MAX_FD; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			n++;
	return n;
}

static void
check_flags(mio_handle fd)
{
	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
}

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * MIO_SEC + ts.tv_nsec;
}

static void
wait_for(struct mio_poll *poll, struct mio_events *events, mio_token token,
    uint32_t flags)
{
	int64_t end = now() + 5 * MIO_SEC;
	uint32_t seen = 0;

	while ((seen & flags) != flags) {
		CHECK(now() < end);
		CHECK(mio_poll(poll, events, 200 * MIO_MSEC) >= 0);
		MIO_EVENTS_FOREACH (event, events)
			if (event->token == token)
				seen |= event->readiness;
	}
}

static void
try_timeouts(struct mio_poll *poll, struct mio_events *events)
{
	static const int64_t timeouts[] = { 0, 1, 300 * MIO_USEC,
		1500 * MIO_USEC, 20 * MIO_MSEC };
	size_t i;
	int64_t start;

	for (i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
		start = now();
		CHECK(mio_poll(poll, events, timeouts[i]) == 0);
		CHECK(now() - start >= timeouts[i]);
	}
}

static void
try_waker(struct mio_poll *poll, struct mio_events *events, bool refused)
{
	struct mio_waker *waker = NULL;
	int before = open_fds();

	errno = 0;
	if (refused) {
		CHECK(mio_waker_new(&waker, mio_poll_registry(poll), 7) == -1);
		CHECK(errno == ENOTSUP);
		CHECK(waker == NULL);
		CHECK(open_fds() == before);
		return;
	}
	CHECK(mio_waker_new(&waker, mio_poll_registry(poll), 7) == 0);
	CHECK(mio_waker_wake(waker) == 0);
	wait_for(poll, events, 7, MIO_READABLE);
	CHECK(mio_waker_wake(waker) == 0);
	wait_for(poll, events, 7, MIO_READABLE);
	mio_waker_free(waker);
}

static void
try_pipe(struct mio_poll *poll, struct mio_events *events)
{
	struct mio_source rx = MIO_SOURCE_INIT, tx = MIO_SOURCE_INIT;
	char c = 0;

	CHECK(mio_pipe_new(&rx, &tx) == 0);
	check_flags(mio_source_handle(&rx));
	check_flags(mio_source_handle(&tx));
	CHECK(mio_registry_register(mio_poll_registry(poll), &rx, 1,
		  MIO_READABLE) == 0);
	CHECK(mio_source_read(&rx, &c, 1) == -1 && errno == EAGAIN);
	CHECK(mio_source_write(&tx, "p", 1) == 1);
	wait_for(poll, events, 1, MIO_READABLE);
	CHECK(mio_source_read(&rx, &c, 1) == 1 && c == 'p');
	CHECK(mio_source_close(&rx) == 0);
	CHECK(mio_source_close(&tx) == 0);
}

static void
exchange(struct mio_poll *poll, struct mio_events *events,
    const struct mio_source *client, const struct mio_source *server)
{
	char buf[8];

	wait_for(poll, events, 3, MIO_WRITABLE);
	CHECK(mio_source_connect_result(client) == 0);
	CHECK(mio_source_read(server, buf, sizeof buf) == -1);
	CHECK(errno == EAGAIN);
	CHECK(mio_source_write(client, "ping", 4) == 4);
	wait_for(poll, events, 4, MIO_READABLE);
	CHECK(mio_source_read(server, buf, sizeof buf) == 4);
	CHECK(memcmp(buf, "ping", 4) == 0);
	CHECK(mio_source_read(server, buf, sizeof buf) == -1);
	CHECK(errno == EAGAIN);
	CHECK(mio_source_write(client, "pong", 4) == 4);
	wait_for(poll, events, 4, MIO_READABLE);
	CHECK(mio_source_read(server, buf, sizeof buf) == 4);
	CHECK(memcmp(buf, "pong", 4) == 0);
}

static void
try_tcp(struct mio_poll *poll, struct mio_events *events)
{
	struct mio_source listener = MIO_SOURCE_INIT, c = MIO_SOURCE_INIT;
	struct mio_source s = MIO_SOURCE_INIT, none = MIO_SOURCE_INIT;
	struct mio_registry *registry = mio_poll_registry(poll);
	struct sockaddr_in addr, peer, local;
	socklen_t len = sizeof addr;

	memset(&addr, 0, sizeof addr);
	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(mio_tcp_listen(&listener, (struct sockaddr *)&addr, len) == 0);
	CHECK(mio_source_local_addr(
		  &listener, (struct sockaddr *)&addr, &len) == 0);
	CHECK(mio_registry_register(
		  registry, &listener, 2, MIO_READABLE) == 0);
	CHECK(mio_source_accept(&listener, &none, NULL, NULL) == -1);
	CHECK(errno == EAGAIN);
	CHECK(mio_source_handle(&none) == MIO_INVALID_HANDLE);
	CHECK(mio_tcp_connect(&c, (struct sockaddr *)&addr, len) == 0);
	wait_for(poll, events, 2, MIO_READABLE);
	CHECK(mio_registry_register(
		  registry, &c, 3, MIO_READABLE | MIO_WRITABLE) == 0);
	len = sizeof peer;
	CHECK(mio_source_accept(
		  &listener, &s, (struct sockaddr *)&peer, &len) == 0);
	CHECK(len == sizeof peer);
	CHECK(mio_source_local_addr(
		  &c, (struct sockaddr *)&local, &len) == 0);
	CHECK(peer.sin_port == local.sin_port);
	check_flags(mio_source_handle(&listener));
	check_flags(mio_source_handle(&c));
	check_flags(mio_source_handle(&s));
	CHECK(mio_registry_register(registry, &s, 4, MIO_READABLE) == 0);
	exchange(poll, events, &c, &s);
	CHECK(mio_source_accept(&listener, &none, NULL, NULL) == -1);
	CHECK(errno == EAGAIN);
	CHECK(mio_source_close(&c) == 0);
	wait_for(poll, events, 4, MIO_READABLE);
	CHECK(mio_source_close(&s) == 0);
	CHECK(mio_source_close(&listener) == 0);
}

/* Descriptors that were there before the library made any. */
static bool inherited[MAX_FD];

static void
note_inherited(void)
{
	int fd;

	for (fd = 0; fd < MAX_FD; fd++)
		inherited[fd] = fcntl(fd, F_GETFD) != -1;
}

static void
check_own_flags(void)
{
	int fd, flags;

	for (fd = 0; fd < MAX_FD; fd++) {
		flags = inherited[fd] ? -1 : fcntl(fd, F_GETFD);
		CHECK(flags == -1 || (flags & FD_CLOEXEC) != 0);
	}
}

static void
inside(const struct sandbox *box, const char *backend)
{
	/* A kqueue on Linux is made of epoll. */
	const bool epoll = strncmp(backend, "epoll", 5) == 0 ||
	    strncmp(backend, "kqueue", 6) == 0;
	const bool eventfd = strstr(backend, "+eventfd") != NULL;
	const bool no_waker = eventfd && (box->effect & NO_EVENTFD) != 0;
	struct mio_poll *poll = NULL;
	struct mio_events *events;
	int before = open_fds();
	int ret;

	sandbox_name = box->name;
	backend_name = backend;
	note_inherited();
	if (box->rules > 0) {
		CHECK(enter(box) == 0);
		check_refused(box);
	}
	ret = mio_poll_new_backend(&poll, backend);
	if (epoll && (box->effect & NO_EPOLL) != 0)
		CHECK(ret == -1);
	if (ret == -1) {
		CHECK(errno == ENOTSUP);
		CHECK((epoll && (box->effect & NO_EPOLL) != 0) || no_waker);
		CHECK(poll == NULL);
		CHECK(open_fds() == before);
		return;
	}
	CHECK(strcmp(mio_poll_backend(poll), backend) == 0);
	CHECK(mio_events_new(&events, 16) == 0);
	try_timeouts(poll, events);
	try_waker(poll, events, no_waker);
	try_pipe(poll, events);
	try_tcp(poll, events);
	try_timeouts(poll, events);
	check_own_flags();
	mio_poll_free(poll);
	mio_events_free(events);
	CHECK(open_fds() == before);
}

static int
in_child(const struct sandbox *box, const char *backend)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == -1)
		return -1;
	if (pid == 0) {
		alarm(60);
		if (backend != NULL)
			inside(box, backend);
		else if (enter(box) == -1)
			_exit(1);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return -1;
	if (WIFSIGNALED(status))
		fprintf(stderr, "FAIL %s, %s: signal %d\n", box->name,
		    backend != NULL ? backend : "-", WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

int
main(void)
{
	static const struct sandbox none = { "no sandbox", 0, { { 0 } }, 0 };
	const char *const *backend;
	int failed = 0, passed = 0;
	size_t i;

	if (in_child(&none, NULL) == -1) {
		fprintf(stderr, "SKIP: no seccomp filters here\n");
		return 77;
	}
	for (backend = mio_backends(); *backend != NULL; backend++) {
		if (in_child(&none, *backend) == -1)
			failed++;
		for (i = 0; i < sizeof sandboxes / sizeof sandboxes[0]; i++) {
			if (in_child(&sandboxes[i], *backend) == -1)
				failed++;
			else
				passed++;
		}
	}
	printf("sandbox: %d passed, %d failed\n", passed, failed);
	return failed == 0 && passed > 0 ? 0 : 1;
}

#endif
