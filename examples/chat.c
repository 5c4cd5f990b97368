/* SPDX-License-Identifier: MIT */
/*
 * chat [--backend NAME] PORT
 *
 * A chat room on the loopback address: every line that a client sends goes
 * to all the others, and so does every line of standard input, which another
 * thread reads.  That thread puts its lines into a queue and wakes the poll;
 * the loop alone touches the connections.  The end of input ends the room.
 * Who talks without a pause is listened to only so long in each turn.
 *
 * Prints the port it listens on (0: any free one), then each line.
 */

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <mio.h>

enum {
	PEOPLE = 64,       /* how many fit into the room */
	LINE_SIZE = 512,   /* longer lines are cut into several */
	BACKLOG = 1 << 16, /* who falls behind by this much has to leave */
	QUEUE_SIZE = 16,
	READS_PER_TURN = 16
};

/* Tokens; below are the places of the people. */
enum { LISTENER = PEOPLE, WAKER };

struct person {
	struct mio_source source; /* none: the place is free */
	bool can_read, can_write;
	bool read_closed; /* left; the last lines may come first */
	size_t used; /* of line */
	char line[LINE_SIZE];
	size_t begin, end; /* what of out is still to be written */
	char out[BACKLOG];
};

/* Lines from the reading thread to the loop. */
struct queue {
	pthread_mutex_t lock;
	pthread_cond_t room;
	size_t first, count;
	bool ended;
	char lines[QUEUE_SIZE][LINE_SIZE];
};

static struct person people[PEOPLE];
static struct queue queue = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.room = PTHREAD_COND_INITIALIZER };
static struct mio_waker *waker;

/* The thread: puts lines into the queue, and wakes the loop for each. */
static void *
read_input(void *unused)
{
	char line[LINE_SIZE];
	bool more;

	(void)unused;
	do {
		more = fgets(line, sizeof line, stdin) != NULL;
		pthread_mutex_lock(&queue.lock);
		while (queue.count == QUEUE_SIZE)
			pthread_cond_wait(&queue.room, &queue.lock);
		if (more)
			strcpy(queue.lines[(queue.first + queue.count++) %
					   QUEUE_SIZE],
			    line);
		else
			queue.ended = true;
		pthread_mutex_unlock(&queue.lock);
		mio_waker_wake(waker);
	} while (more);
	return NULL;
}

/* Takes a line from the queue; false if there is none. */
static bool
take_line(char line[LINE_SIZE], bool *ended)
{
	bool got;

	pthread_mutex_lock(&queue.lock);
	got = queue.count > 0;
	if (got) {
		strcpy(line, queue.lines[queue.first]);
		queue.first = (queue.first + 1) % QUEUE_SIZE;
		queue.count--;
		pthread_cond_signal(&queue.room);
	}
	*ended = queue.ended && queue.count == 0;
	pthread_mutex_unlock(&queue.lock);
	return got;
}

static void
leave(struct person *p)
{
	mio_source_close(&p->source);
	p->begin = p->end = p->used = 0;
	p->can_read = p->read_closed = false;
}

/* Writes what is pending, as far as the socket takes it. */
static void
flush(struct person *p)
{
	ssize_t n;

	while (p->can_write && p->begin < p->end) {
		n = mio_source_write(
		    &p->source, p->out + p->begin, p->end - p->begin);
		if (n >= 0) {
			p->begin += (size_t)n;
			/* Less than asked is as good as EAGAIN. */
			p->can_write = p->begin == p->end;
		} else if (errno == EAGAIN)
			p->can_write = false;
		else if (errno != EINTR) {
			leave(p);
			return;
		}
	}
	if (p->begin == p->end)
		p->begin = p->end = 0;
}

/* Sends a line to all but its author. */
static void
say(const struct person *author, const char *line, size_t len)
{
	struct person *p;

	fwrite(line, 1, len, stdout);
	fflush(stdout);
	for (p = people; p < people + PEOPLE; p++) {
		if (p == author ||
		    mio_source_handle(&p->source) == MIO_INVALID_HANDLE)
			continue;
		if (sizeof p->out - p->end < len) {
			memmove(p->out, p->out + p->begin, p->end - p->begin);
			p->end -= p->begin;
			p->begin = 0;
		}
		if (sizeof p->out - p->end < len) {
			leave(p);
			continue;
		}
		memcpy(p->out + p->end, line, len);
		p->end += len;
		flush(p);
	}
}

/* Says all whole lines, and a full buffer as if it were one. */
static void
say_lines(struct person *p)
{
	char *newline;
	size_t len;

	while ((newline = memchr(p->line, '\n', p->used)) ||
	       p->used == sizeof p->line) {
		len = newline ? (size_t)(newline - p->line) + 1 : p->used;
		say(p, p->line, len);
		p->used -= len;
		memmove(p->line, p->line + len, p->used);
	}
}

static void
listen_to(struct person *p)
{
	size_t room;
	ssize_t n;

	for (int i = 0; p->can_read && i < READS_PER_TURN; i++) {
		room = sizeof p->line - p->used;
		n = mio_source_read(&p->source, p->line + p->used, room);
		if (n > 0) {
			/* As good as EAGAIN; but the end is told only once. */
			p->can_read = (size_t)n == room || p->read_closed;
			p->used += (size_t)n;
			say_lines(p);
		} else if (n == -1 && errno == EAGAIN)
			p->can_read = false;
		else if (n == 0 || errno != EINTR)
			leave(p);
	}
}

/* Lets people in while there are places; true if the listener is drained. */
static bool
let_in(struct mio_registry *registry, const struct mio_source *listener)
{
	struct person *p;

	for (p = people; p < people + PEOPLE; p++) {
		if (mio_source_handle(&p->source) != MIO_INVALID_HANDLE)
			continue;
		while (mio_source_accept(listener, &p->source, NULL, NULL)) {
			if (errno == EAGAIN)
				return true;
			/* Out of descriptors: no event tells of new ones. */
			if (errno != EINTR && errno != ECONNABORTED)
				return false;
		}
		p->can_write = true;
		if (mio_registry_register(registry, &p->source,
			(mio_token)(p - people),
			MIO_READABLE | MIO_WRITABLE) == -1)
			leave(p);
	}
	return false;
}

/* Says what came through the queue; false at its end. */
static bool
say_queue(void)
{
	char line[LINE_SIZE];
	bool ended;

	while (take_line(line, &ended))
		say(NULL, line, strlen(line));
	return !ended;
}

static int
run(struct mio_poll *poll, struct mio_events *events,
    const struct mio_source *listener)
{
	bool open = true, drained = true, busy = false;
	int64_t timeout;
	struct person *p;

	while (open) {
		timeout = busy ? 0 : drained ? MIO_FOREVER : MIO_SEC;
		if (mio_poll(poll, events, timeout) == -1 && errno != EINTR)
			return -1;
		MIO_EVENTS_FOREACH(event, events) {
			if (event->token == WAKER)
				open = say_queue();
			else if (event->token == LISTENER)
				drained = false;
			if (event->token >= PEOPLE)
				continue;
			p = &people[event->token];
			if (mio_event_is_writable(event)) {
				p->can_write = true;
				flush(p);
			}
			if (mio_event_is_readable(event))
				p->can_read = true;
			if (mio_event_is_read_closed(event))
				p->read_closed = true;
		}
		busy = false;
		for (p = people; p < people + PEOPLE; p++) {
			/* Who left meanwhile gives EBADF, and leaves again. */
			listen_to(p);
			busy |= p->can_read;
		}
		/* Only now: no event above may be for who sat there before. */
		if (!drained)
			drained = let_in(mio_poll_registry(poll), listener);
	}
	return 0;
}

static int
open_room(struct mio_source *listener, const char *port)
{
	struct sockaddr_storage addr;
	struct sockaddr *sa = (struct sockaddr *)&addr;
	socklen_t len;
	char text[64];

	snprintf(text, sizeof text, "127.0.0.1:%s", port);
	if (mio_addr_parse(&addr, &len, text) == -1 ||
	    mio_tcp_listen(listener, sa, len) == -1 ||
	    mio_source_local_addr(listener, sa, &len) == -1 ||
	    mio_addr_format(text, sizeof text, sa, len) == -1)
		return -1;
	puts(strrchr(text, ':') + 1);
	return fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct mio_poll *poll = NULL;
	struct mio_events *events = NULL;
	struct mio_source listener = MIO_SOURCE_INIT;
	const char *backend = NULL;
	struct person *p;
	pthread_t reader;
	int status = EXIT_FAILURE;

	if (argc == 4 && strcmp(argv[1], "--backend") == 0)
		backend = argv[2];
	else if (argc != 2) {
		fprintf(stderr, "usage: chat [--backend NAME] PORT\n");
		return 2;
	}
	for (p = people; p < people + PEOPLE; p++)
		p->source = (struct mio_source)MIO_SOURCE_INIT;
	if (mio_poll_new_backend(&poll, backend) == -1 ||
	    mio_events_new(&events, PEOPLE + 2) == -1 ||
	    mio_waker_new(&waker, mio_poll_registry(poll), WAKER) == -1 ||
	    open_room(&listener, argv[argc - 1]) == -1 ||
	    mio_registry_register(mio_poll_registry(poll), &listener, LISTENER,
		MIO_READABLE) == -1) {
		perror("chat");
		goto out;
	}
	errno = pthread_create(&reader, NULL, read_input, NULL);
	if (errno || run(poll, events, &listener) == -1) {
		/* The thread may still use the waker: leave all to exit. */
		perror("chat");
		return EXIT_FAILURE;
	}
	pthread_join(reader, NULL);
	status = EXIT_SUCCESS;
out:
	for (p = people; p < people + PEOPLE; p++)
		mio_source_close(&p->source);
	mio_source_close(&listener);
	mio_waker_free(waker);
	mio_events_free(events);
	mio_poll_free(poll);
	return status;
}
