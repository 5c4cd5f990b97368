/* SPDX-License-Identifier: MIT */
/*
 * redis_async [--backend NAME] PORT|SOCKET COUNT
 *
 * Two connections to a Redis server, at the loopback address or at the path
 * of a Unix domain socket (with a slash), in one loop: redis_mio.h ties them
 * to it.  One subscribes to the channel "libmio".  Then the other one sends,
 * without waiting for answers, COUNT SETs, COUNT GETs, both of a value of
 * 1 MiB, and a PUBLISH.  The message ends the program.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mio.h>
#include "redis_mio.h"

enum { LARGE = 1 << 20 };

static struct redis_mio commands, subscriber;
static long count, stored, found;
static bool failed;
static char large[LARGE];

/* Every command goes through here. */
static void
send_command(struct redis_mio *r, redisCallbackFn *callback, void *arg,
    const char *format, ...)
{
	va_list list;

	va_start(list, format);
	/* The connection is gone or about to: on_disconnect tells why. */
	if (!r->context || redisvAsyncCommand(r->context, callback, arg, format,
			       list) != REDIS_OK)
		failed = true;
	va_end(list);
}

/* The reply is NULL when the connection ends before it came. */
static bool
is_reply(const redisReply *reply, int type)
{
	if (reply && reply->type == type)
		return true;
	if (reply && reply->type == REDIS_REPLY_ERROR)
		fprintf(stderr, "redis_async: %s\n", reply->str);
	failed = true;
	return false;
}

static void
on_set(redisAsyncContext *context, void *reply, void *unused)
{
	(void)context;
	(void)unused;
	if (is_reply(reply, REDIS_REPLY_STATUS))
		stored++;
}

static void
on_get(redisAsyncContext *context, void *arg, void *number)
{
	const redisReply *reply = arg;

	(void)context;
	if (is_reply(reply, REDIS_REPLY_STRING) &&
	    strtol(reply->str, NULL, 10) == (intptr_t)number)
		found++;
}

static void
on_get_large(redisAsyncContext *context, void *arg, void *unused)
{
	const redisReply *reply = arg;

	(void)context;
	(void)unused;
	if (is_reply(reply, REDIS_REPLY_STRING) && reply->len == LARGE &&
	    memcmp(reply->str, large, LARGE) == 0)
		found++;
}

static void
on_publish(redisAsyncContext *context, void *reply, void *unused)
{
	(void)unused;
	if (is_reply(reply, REDIS_REPLY_INTEGER))
		printf("stored %ld, found %ld\n", stored, found);
	/* Once no answers are due. */
	redisAsyncDisconnect(context);
}

static void
send_all(void)
{
	memset(large, 'x', LARGE);
	for (long i = 0; i < count; i++)
		send_command(
		    &commands, on_set, NULL, "SET libmio:%ld %ld", i, i);
	send_command(&commands, on_set, NULL, "SET libmio:large %b", large,
	    (size_t)LARGE);
	for (long i = 0; i < count; i++)
		send_command(&commands, on_get, (void *)(intptr_t)i,
		    "GET libmio:%ld", i);
	send_command(&commands, on_get_large, NULL, "GET libmio:large");
	send_command(&commands, on_publish, NULL, "PUBLISH libmio done");
}

/* An array: the kind, the channel, and how many or what. */
static void
on_message(redisAsyncContext *context, void *arg, void *unused)
{
	const redisReply *reply = arg;

	(void)unused;
	/* The last one is NULL, also after redisAsyncFree. */
	if (!reply || !is_reply(reply, REDIS_REPLY_ARRAY))
		return;
	if (strcmp(reply->element[0]->str, "subscribe") == 0)
		send_all();
	else {
		printf("message %s\n", reply->element[2]->str);
		/* A subscription never ends: so at once. */
		redisAsyncFree(context);
	}
}

static void
on_connect(const redisAsyncContext *context, int status)
{
	if (status == REDIS_OK)
		return;
	fprintf(stderr, "redis_async: connect: %s\n", context->errstr);
	failed = true;
}

static void
on_disconnect(const redisAsyncContext *context, int status)
{
	if (status == REDIS_OK)
		return;
	fprintf(stderr, "redis_async: %s\n", context->errstr);
	failed = true;
}

static int
connect_to(
    const char *server, struct redis_mio *r, struct mio_registry *registry)
{
	redisAsyncContext *context;

	if (strchr(server, '/'))
		context = redisAsyncConnectUnix(server);
	else
		context = redisAsyncConnect("127.0.0.1", atoi(server));
	if (!context || context->err) {
		fprintf(stderr, "redis_async: connect: %s\n",
		    context ? context->errstr : "no memory");
		if (context)
			redisAsyncFree(context);
		return -1;
	}
	redis_mio_attach(r, registry, context);
	redisAsyncSetConnectCallback(context, on_connect);
	redisAsyncSetDisconnectCallback(context, on_disconnect);
	return 0;
}

/* Until both connections have ended, or something has gone wrong. */
static int
run(struct mio_poll *poll, struct mio_events *events)
{
	while (!failed && (commands.context || subscriber.context)) {
		if (mio_poll(poll, events, MIO_FOREVER) == -1 &&
		    errno != EINTR) {
			perror("redis_async: poll");
			return -1;
		}
		MIO_EVENTS_FOREACH(event, events)
			redis_mio_ready(
			    (struct redis_mio *)event->token, event);
		errno = commands.error ? commands.error : subscriber.error;
		if (errno) {
			perror("redis_async: register");
			return -1;
		}
	}
	return failed || found != count + 1 ? -1 : 0;
}

int
main(int argc, char **argv)
{
	struct mio_events *events = NULL;
	struct mio_poll *poll = NULL;
	struct mio_registry *registry;
	const char *backend = NULL;
	int status = EXIT_FAILURE;

	argv++;
	argc--;
	if (argc == 4 && strcmp(*argv, "--backend") == 0) {
		backend = argv[1];
		argv += 2;
		argc -= 2;
	}
	if (argc != 2 || **argv == '-') {
		fprintf(stderr, "usage: redis_async [--backend NAME] "
				"PORT|SOCKET COUNT\n");
		return 2;
	}
	count = strtol(argv[1], NULL, 10);
	if (mio_poll_new_backend(&poll, backend) == -1 ||
	    mio_events_new(&events, 16) == -1) {
		perror("redis_async: poll");
		mio_poll_free(poll);
		return EXIT_FAILURE;
	}
	registry = mio_poll_registry(poll);
	if (connect_to(*argv, &commands, registry) == 0 &&
	    connect_to(*argv, &subscriber, registry) == 0) {
		send_command(&subscriber, on_message, NULL, "SUBSCRIBE libmio");
		if (run(poll, events) == 0)
			status = EXIT_SUCCESS;
	}
	/* Answers that are still due are NULL. */
	if (commands.context)
		redisAsyncFree(commands.context);
	if (subscriber.context)
		redisAsyncFree(subscriber.context);
	mio_events_free(events);
	mio_poll_free(poll);
	return status;
}
