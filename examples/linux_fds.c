/* SPDX-License-Identifier: MIT */
/*
 * linux_fds [--backend NAME] DIRECTORY SOCKET COMMAND [ARG...]
 *
 * On Linux most things that a program waits for are descriptors, so one poll
 * is enough for all of them.  This one waits at once for
 *
 *	a timer (timerfd), ten times a second
 *	files that are made in DIRECTORY or moved there (inotify)
 *	the end of the command that it starts (pidfd)
 *	clients of the Unix domain socket SOCKET
 *	SIGHUP, SIGINT and SIGTERM (signalfd)
 *
 * and prints a line for each.  SIGINT and SIGTERM end it.  All become
 * sources by mio_source_from_fd and are read until EAGAIN, so it works on
 * every backend.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <mio.h>

extern char **environ;

/* Tokens, and places of the sources. */
enum { TIMER, FILES, CHILD, LISTENER, SIGNALS, SOURCES };

static struct mio_source sources[SOURCES];
static sigset_t signals;
static pid_t child;
static bool stop;

/*
 * One for each source: 0 when it is drained, -1 if it failed.  Reading the
 * descriptors gives whole records.
 */

static int
timer_ready(struct mio_source *source)
{
	uint64_t times;

	/* One read says how often the timer has expired. */
	while (mio_source_read(source, &times, sizeof times) > 0)
		printf("timer %llu\n", (unsigned long long)times);
	return errno == EAGAIN ? 0 : -1;
}

static int
files_ready(struct mio_source *source)
{
	union {
		struct inotify_event event; /* for its alignment */
		char bytes[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
	} buf;
	const struct inotify_event *event;
	const char *p;
	ssize_t n;

	while ((n = mio_source_read(source, &buf, sizeof buf)) > 0)
		for (p = buf.bytes; p < buf.bytes + n;
		     p += sizeof *event + event->len) {
			event = (const void *)p;
			/* The kernel's queue was full: look yourself. */
			if (event->mask & IN_Q_OVERFLOW)
				puts("files unknown");
			else if (event->len > 0)
				printf("file %s\n", event->name);
		}
	return errno == EAGAIN ? 0 : -1;
}

static int
child_ready(struct mio_source *source)
{
	siginfo_t info = { .si_pid = 0 };

	/* An event is a hint: only this tells. */
	if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG) == -1)
		return -1;
	if (info.si_pid == 0)
		return 0;
	printf("child %s %d\n",
	    info.si_code == CLD_EXITED ? "status" : "signal", info.si_status);
	return mio_source_close(source);
}

static int
listener_ready(struct mio_source *source)
{
	struct mio_source client;

	while (mio_source_accept(source, &client, NULL, NULL) == 0) {
		puts("client");
		if (mio_source_write(&client, "hello\n", 6) != 6)
			puts("client left");
		mio_source_close(&client);
	}
	return errno == EAGAIN ? 0 : -1;
}

static int
signals_ready(struct mio_source *source)
{
	struct signalfd_siginfo info;

	while (mio_source_read(source, &info, sizeof info) > 0) {
		printf("signal %u\n", info.ssi_signo);
		if (info.ssi_signo != SIGHUP)
			stop = true;
	}
	return errno == EAGAIN ? 0 : -1;
}

static int (*const ready[SOURCES])(struct mio_source *) = {
	timer_ready, files_ready, child_ready, listener_ready, signals_ready
};

/* Takes a new descriptor over; -1 is the failure to make it. */
static int
watch(struct mio_registry *registry, int which, int fd)
{
	if (fd == -1)
		return -1;
	if (mio_source_from_fd(&sources[which], fd) == -1) {
		close(fd);
		return -1;
	}
	return mio_registry_register(
	    registry, &sources[which], (mio_token)which, MIO_READABLE);
}

static int
start_timer(struct mio_registry *registry)
{
	struct itimerspec tenth = { { 0, 100000000 }, { 0, 100000000 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (watch(registry, TIMER, fd) == -1)
		return -1;
	return timerfd_settime(fd, 0, &tenth, NULL);
}

static int
start_files(struct mio_registry *registry, const char *directory)
{
	int fd = inotify_init1(IN_CLOEXEC);

	if (watch(registry, FILES, fd) == -1)
		return -1;
	if (inotify_add_watch(
		fd, directory, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) == -1)
		return -1;
	return 0;
}

/* Signals are blocked for signalfd, but not for the child. */
static int
start_child(struct mio_registry *registry, char **argv)
{
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid;

	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	errno = posix_spawnp(&pid, *argv, NULL, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	if (errno)
		return -1;
	child = pid;
	/* Old C libraries have no function for it; close-on-exec by itself. */
	return watch(registry, CHILD, (int)syscall(SYS_pidfd_open, pid, 0));
}

static int
start(struct mio_registry *registry, char **args)
{
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) == -1 ||
	    watch(registry, SIGNALS, signalfd(-1, &signals, SFD_CLOEXEC)) ==
		-1) {
		perror("linux_fds: signalfd");
		return -1;
	}
	if (start_timer(registry) == -1) {
		perror("linux_fds: timerfd");
		return -1;
	}
	if (start_files(registry, args[0]) == -1) {
		perror("linux_fds: inotify");
		return -1;
	}
	if (mio_unix_listen(&sources[LISTENER], args[1]) == -1 ||
	    mio_registry_register(registry, &sources[LISTENER], LISTENER,
		MIO_READABLE) == -1) {
		perror("linux_fds: socket");
		return -1;
	}
	if (start_child(registry, args + 2) == -1) {
		perror("linux_fds: command");
		return -1;
	}
	return 0;
}

static int
run(struct mio_poll *poll, struct mio_events *events)
{
	while (!stop) {
		if (mio_poll(poll, events, MIO_FOREVER) == -1 &&
		    errno != EINTR)
			return -1;
		MIO_EVENTS_FOREACH(event, events)
			if (ready[event->token](&sources[event->token]) == -1)
				return -1;
		fflush(stdout);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct mio_events *events = NULL;
	struct mio_poll *poll = NULL;
	const char *backend = NULL;
	int status = EXIT_FAILURE;

	argv++;
	argc--;
	if (argc > 2 && strcmp(*argv, "--backend") == 0) {
		backend = argv[1];
		argv += 2;
		argc -= 2;
	}
	if (argc < 3 || **argv == '-') {
		fprintf(stderr, "usage: linux_fds [--backend NAME] DIRECTORY "
				"SOCKET COMMAND [ARG...]\n");
		return 2;
	}
	for (int i = 0; i < SOURCES; i++)
		sources[i] = (struct mio_source)MIO_SOURCE_INIT;
	if (mio_poll_new_backend(&poll, backend) == -1 ||
	    mio_events_new(&events, SOURCES) == -1)
		perror("linux_fds: poll");
	else if (start(mio_poll_registry(poll), argv) == 0) {
		if (run(poll, events) == 0)
			status = EXIT_SUCCESS;
		else
			perror("linux_fds");
		unlink(argv[1]);
	}
	for (int i = 0; i < SOURCES; i++)
		mio_source_close(&sources[i]);
	mio_events_free(events);
	mio_poll_free(poll);
	return status;
}
