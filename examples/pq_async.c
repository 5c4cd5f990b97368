/* SPDX-License-Identifier: MIT */
/*
 * pq_async [--backend NAME] CONNINFO CHANNEL [QUERY...]
 *
 * PostgreSQL's libpq without waiting in it.  One connection LISTENs on the
 * channel.  When it does, every QUERY (-: what standard input says) gets a
 * connection of its own, all at once.  Prints, as they come,
 *
 *	N: VALUE<tab>VALUE...	a row of the Nth query, or its command tag
 *	notify: PAYLOAD		a notification
 *
 * and ends when all queries have ended and a notification said "quit".
 *
 * libpq reads some of what is there and expects to be called again, so it is
 * served levels: MIO_LEVEL.  While it connects it may close its socket and
 * open another one, perhaps with the same number (several hosts, or TLS
 * refused): the watch ends before each PQconnectPoll and begins anew after it.
 * Look-up of host names is the one thing in which libpq waits: give addresses
 * (hostaddr) if that matters.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libpq-fe.h>
#include <mio.h>

enum { EVENTS = 64 };

struct session {
	PGconn *conn;       /* NULL: ended */
	int fd;             /* what is watched, */
	unsigned interests; /* and for what */
	int number;         /* of the query; 0: the listener */
	const char *query;
	bool connected, busy;
};

static struct mio_registry *registry;
static struct session *sessions;
static int count, open_sessions; /* of both the listener is one */
static const char *conninfo;
static bool quit, failed;

static void
unwatch(struct session *s)
{
	if (s->interests != 0)
		mio_registry_deregister_fd(registry, s->fd);
	s->interests = 0;
}

static void
finish(struct session *s)
{
	unwatch(s);
	PQfinish(s->conn);
	s->conn = NULL;
	open_sessions--;
}

/* The connection is lost, and so is what it was for. */
static void
lose(struct session *s)
{
	fprintf(stderr, "pq_async: %d: %s", s->number, PQerrorMessage(s->conn));
	failed = true;
	finish(s);
}

static void
watch(struct session *s, unsigned interests)
{
	mio_token token = (mio_token)s->number;
	int result;

	if (s->interests == interests)
		return;
	s->fd = PQsocket(s->conn);
	if (s->interests != 0)
		result = mio_registry_reregister_fd(
		    registry, s->fd, token, interests | MIO_LEVEL);
	else
		result = mio_registry_register_fd(
		    registry, s->fd, token, interests | MIO_LEVEL);
	if (result == 0) {
		s->interests = interests;
		return;
	}
	perror("pq_async: watch");
	failed = true;
	finish(s);
}

/* Queries wait to be written, or only answers are due. */
static void
flush(struct session *s)
{
	int result = PQflush(s->conn);

	if (result == -1)
		lose(s);
	else
		watch(s, MIO_READABLE | (result == 1 ? MIO_WRITABLE : 0));
}

static void
connected(struct session *s)
{
	s->connected = s->busy = true;
	if (PQsetnonblocking(s->conn, 1) == -1 ||
	    !PQsendQuery(s->conn, s->query) || !PQsetSingleRowMode(s->conn))
		lose(s);
	else
		flush(s);
}

static void
go_on(struct session *s, PostgresPollingStatusType status)
{
	if (status == PGRES_POLLING_OK)
		connected(s);
	else if (status == PGRES_POLLING_READING)
		watch(s, MIO_READABLE);
	else if (status == PGRES_POLLING_WRITING)
		watch(s, MIO_WRITABLE);
	else
		lose(s);
}

static void
begin(struct session *s)
{
	open_sessions++;
	s->conn = PQconnectStart(conninfo);
	if (!s->conn) {
		fprintf(stderr, "pq_async: no memory\n");
		exit(EXIT_FAILURE);
	}
	/* As the manual has it: as if PQconnectPoll had said so. */
	go_on(s, PQstatus(s->conn) == CONNECTION_BAD ? PGRES_POLLING_FAILED
						     : PGRES_POLLING_WRITING);
}

static void
print(const struct session *s, const PGresult *result)
{
	switch (PQresultStatus(result)) {
	case PGRES_SINGLE_TUPLE:
		printf("%d:", s->number);
		for (int i = 0; i < PQnfields(result); i++)
			printf(
			    "%c%s", i ? '\t' : ' ', PQgetvalue(result, 0, i));
		putchar('\n');
		break;
	case PGRES_TUPLES_OK: /* the end of the rows */
		break;
	case PGRES_COMMAND_OK:
		if (s->number > 0)
			printf("%d: %s\n", s->number,
			    PQcmdStatus((PGresult *)result));
		break;
	default:
		fprintf(stderr, "pq_async: %d: %s", s->number,
		    PQresultErrorMessage(result));
		failed = true;
	}
}

/* All that can be had without waiting. */
static void
take_results(struct session *s)
{
	PGresult *result;

	while (s->busy && !PQisBusy(s->conn)) {
		result = PQgetResult(s->conn);
		if (result)
			print(s, result);
		else
			s->busy = false;
		PQclear(result);
	}
}

static void
take_notifications(struct session *s)
{
	PGnotify *notify;

	while ((notify = PQnotifies(s->conn))) {
		printf("notify: %s\n", notify->extra);
		if (strcmp(notify->extra, "quit") == 0)
			quit = true;
		PQfreemem(notify);
	}
}

static void
ready(struct session *s, unsigned readiness)
{
	bool listening = !s->busy;

	if (!s->connected) {
		unwatch(s);
		go_on(s, PQconnectPoll(s->conn));
		return;
	}
	if ((readiness & MIO_READABLE) && !PQconsumeInput(s->conn)) {
		take_results(s); /* why the server ended it */
		lose(s);
		return;
	}
	take_results(s);
	take_notifications(s);
	if (s->busy || s->number == 0)
		flush(s);
	else
		finish(s);
	/* Now that LISTEN is done nothing is missed. */
	if (s == sessions && !listening && !s->busy)
		for (int i = 1; i < count; i++)
			begin(&sessions[i]);
}

static int
run(struct mio_poll *poll, struct mio_events *events)
{
	begin(&sessions[0]);
	while (sessions[0].conn && (open_sessions > 1 || !quit)) {
		if (mio_poll(poll, events, MIO_FOREVER) == -1 &&
		    errno != EINTR) {
			perror("pq_async: poll");
			return -1;
		}
		/* A session has one event here, and ends in its own alone. */
		MIO_EVENTS_FOREACH(event, events)
			ready(&sessions[event->token], event->readiness);
		fflush(stdout);
	}
	return failed ? -1 : 0;
}

static char *
read_query(void)
{
	size_t size = 0, capacity = 0, n;
	char *query = NULL, *larger;

	do {
		if (size + 1 >= capacity) {
			capacity = 2 * capacity + BUFSIZ;
			larger = realloc(query, capacity);
			if (!larger) {
				free(query);
				return NULL;
			}
			query = larger;
		}
		n = fread(query + size, 1, capacity - size - 1, stdin);
		size += n;
	} while (n > 0);
	query[size] = '\0';
	return query;
}

/* Queries from args: the first one is LISTEN. */
static int
make_sessions(char *listen, char **args, char **input)
{
	sessions = calloc((size_t)count, sizeof *sessions);
	if (!sessions)
		return -1;
	sessions[0].query = listen;
	for (int i = 1; i < count; i++) {
		sessions[i].number = i;
		sessions[i].query = args[i - 1];
		if (strcmp(sessions[i].query, "-") != 0)
			continue;
		if (!*input && !(*input = read_query()))
			return -1;
		sessions[i].query = *input;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct mio_events *events = NULL;
	struct mio_poll *poll = NULL;
	const char *backend = NULL;
	char listen[256], *input = NULL;
	int status = EXIT_FAILURE;

	argv++;
	argc--;
	if (argc > 2 && strcmp(*argv, "--backend") == 0) {
		backend = argv[1];
		argv += 2;
		argc -= 2;
	}
	if (argc < 2 || **argv == '-') {
		fprintf(stderr, "usage: pq_async [--backend NAME] CONNINFO "
				"CHANNEL [QUERY...]\n");
		return 2;
	}
	conninfo = argv[0];
	count = argc - 1;
	snprintf(listen, sizeof listen, "LISTEN %s", argv[1]);
	if (mio_poll_new_backend(&poll, backend) == -1 ||
	    mio_events_new(&events, EVENTS) == -1 ||
	    make_sessions(listen, argv + 2, &input) == -1)
		perror("pq_async");
	else {
		registry = mio_poll_registry(poll);
		if (run(poll, events) == 0)
			status = EXIT_SUCCESS;
	}
	for (int i = 0; sessions && i < count; i++)
		if (sessions[i].conn)
			finish(&sessions[i]);
	free(sessions);
	free(input);
	mio_events_free(events);
	mio_poll_free(poll);
	return status;
}
