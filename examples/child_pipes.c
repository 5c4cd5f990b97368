/* SPDX-License-Identifier: MIT */
/*
 * child_pipes [--backend NAME] COMMAND [ARG...]
 *
 * Runs a command, hands standard input on to it, and its output and errors
 * to standard output and standard error: all three at once, so a child that
 * writes before it reads, or never reads, holds nothing up.  The exit status
 * is the child's, 128 and the number if a signal ended it, 127 if it could
 * not be started.
 *
 * The child's ends are ordinary blocking pipes.  The parent's ends become
 * sources by mio_source_from_fd, which makes them non-blocking; the two ends
 * of a pipe are separate open files, so the child does not notice.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <mio.h>

extern char **environ;

/* Tokens.  The child's ends are known by the numbers they have there. */
enum { CHILD_IN, CHILD_OUT, CHILD_ERR, INPUT };

enum { BUFFER_SIZE = 16384 };

struct parent {
	struct mio_poll *poll;
	struct mio_registry *registry;
	struct mio_events *events;
	struct mio_source child[3];
	bool ready[4];      /* by token */
	bool input_is_file; /* always ready, and not to be registered */
	size_t begin, end;  /* what of buf is still to be written */
	char buf[BUFFER_SIZE];
};

static bool
is_open(const struct mio_source *source)
{
	return mio_source_handle(source) != MIO_INVALID_HANDLE;
}

/*
 * The pieces of work.  Each returns 1 if it did something, 0 if it has to
 * wait and -1 if it failed.
 */

/* Standard input belongs to others too: it stays as it is, blocking. */
static int
take_input(struct parent *p)
{
	struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
	ssize_t n;

	if (!is_open(&p->child[CHILD_IN]) || !p->ready[INPUT] ||
	    p->begin < p->end)
		return 0;
	if (!p->input_is_file && poll(&input, 1, 0) == 0) {
		p->ready[INPUT] = false;
		return mio_registry_rearm_fd(
		    p->registry, STDIN_FILENO, MIO_READABLE);
	}
	n = read(STDIN_FILENO, p->buf, sizeof p->buf);
	if (n == -1)
		return errno == EINTR || errno == EAGAIN ? 1 : -1;
	p->begin = 0;
	p->end = (size_t)n;
	if (n == 0)
		mio_source_close(&p->child[CHILD_IN]);
	return 1;
}

static int
feed_child(struct parent *p)
{
	struct mio_source *in = &p->child[CHILD_IN];
	ssize_t n;

	if (!is_open(in) || !p->ready[CHILD_IN] || p->begin == p->end)
		return 0;
	n = mio_source_write(in, p->buf + p->begin, p->end - p->begin);
	if (n >= 0) {
		p->begin += (size_t)n;
		return 1;
	}
	switch (errno) {
	case EAGAIN:
		p->ready[CHILD_IN] = false;
		return 0;
	case EINTR:
		return 1;
	case EPIPE: /* it wants no more, as head does */
		mio_source_close(in);
		return 1;
	default:
		return -1;
	}
}

static int
hand_on(struct parent *p, int which)
{
	char data[BUFFER_SIZE];
	ssize_t n, done, written;

	if (!is_open(&p->child[which]) || !p->ready[which])
		return 0;
	n = mio_source_read(&p->child[which], data, sizeof data);
	if (n == -1 && errno == EAGAIN) {
		p->ready[which] = false;
		return 0;
	}
	if (n == -1)
		return errno == EINTR ? 1 : -1;
	if (n == 0)
		mio_source_close(&p->child[which]);
	for (done = 0; done < n; done += written) {
		written = write(which, data + done, (size_t)(n - done));
		if (written == -1 && errno == EINTR)
			written = 0;
		if (written == -1)
			return -1;
	}
	return 1;
}

static int
talk(struct parent *p)
{
	int taken, fed, out, err;

	while (is_open(&p->child[CHILD_OUT]) || is_open(&p->child[CHILD_ERR])) {
		if ((taken = take_input(p)) == -1 ||
		    (fed = feed_child(p)) == -1 ||
		    (out = hand_on(p, CHILD_OUT)) == -1 ||
		    (err = hand_on(p, CHILD_ERR)) == -1)
			return -1;
		if (taken || fed || out || err)
			continue;
		if (mio_poll(p->poll, p->events, MIO_FOREVER) == -1 &&
		    errno != EINTR)
			return -1;
		MIO_EVENTS_FOREACH(event, p->events)
			p->ready[event->token] = true;
	}
	return 0;
}

/* Starts the command and makes sources of this side's ends. */
static int
start(struct parent *p, char **argv, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	int pipes[3][2], ours, error;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	for (int i = 0; i < 3; i++) {
		if (pipe(pipes[i]) == -1)
			return -1;
		/* With threads: pipe2(2), which leaves no gap. */
		fcntl(pipes[i][0], F_SETFD, FD_CLOEXEC);
		fcntl(pipes[i][1], F_SETFD, FD_CLOEXEC);
		ours = i == CHILD_IN ? 1 : 0;
		posix_spawn_file_actions_adddup2(
		    &actions, pipes[i][1 - ours], i);
		if (mio_source_from_fd(&p->child[i], pipes[i][ours]) == -1 ||
		    mio_registry_register(p->registry, &p->child[i],
			(mio_token)i, ours ? MIO_WRITABLE : MIO_READABLE) == -1)
			return -1;
	}
	/* This program ignores SIGPIPE, which the child must not inherit. */
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	error = posix_spawnp(pid, *argv, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	/* Else the ends of the pipes would never be seen. */
	for (int i = 0; i < 3; i++)
		close(pipes[i][i == CHILD_IN ? 0 : 1]);
	errno = error;
	return error ? -1 : 0;
}

static int
status_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return EXIT_FAILURE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
main(int argc, char **argv)
{
	struct parent p = { .child = { MIO_SOURCE_INIT, MIO_SOURCE_INIT,
				MIO_SOURCE_INIT } };
	const char *backend = NULL;
	int child_status, status = EXIT_FAILURE;
	pid_t pid;

	argv++;
	if (argc > 2 && strcmp(*argv, "--backend") == 0) {
		backend = argv[1];
		argv += 2;
	}
	if (!*argv || **argv == '-') {
		fprintf(stderr, "usage: child_pipes [--backend NAME] "
				"COMMAND [ARG...]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (mio_poll_new_backend(&p.poll, backend) == -1 ||
	    mio_events_new(&p.events, 8) == -1) {
		perror("child_pipes: poll");
		goto out;
	}
	p.registry = mio_poll_registry(p.poll);
	if (mio_registry_register_fd(
		p.registry, STDIN_FILENO, INPUT, MIO_READABLE) == -1) {
		if (errno != EPERM) {
			perror("child_pipes: standard input");
			goto out;
		}
		p.input_is_file = p.ready[INPUT] = true;
	}
	if (start(&p, argv, &pid) == -1) {
		fprintf(stderr, "child_pipes: %s: %s\n", *argv,
		    strerror(errno));
		status = 127;
		goto out;
	}
	status = EXIT_SUCCESS;
	if (talk(&p) == -1) {
		perror("child_pipes");
		status = EXIT_FAILURE;
	}
	/* Only now does a child end that waits for more input. */
	for (int i = 0; i < 3; i++)
		mio_source_close(&p.child[i]);
	child_status = status_of(pid);
	if (child_status)
		status = child_status;
out:
	for (int i = 0; i < 3; i++)
		mio_source_close(&p.child[i]);
	mio_events_free(p.events);
	mio_poll_free(p.poll);
	return status;
}
