/* SPDX-License-Identifier: MIT */
/*
 * cares [--backend NAME] [--server ADDRESS:PORT] [--timeout MS] NAME...
 *
 * Looks up the IPv4 and IPv6 addresses of all names at once with c-ares, and
 * prints a line with name and address for each.  Without --server it asks
 * whom /etc/resolv.conf names.
 *
 * c-ares tells which sockets it waits for, and for how long; each call of
 * ares_process_fd reads a piece of what is there, of an answer over TCP
 * first its length.  So it needs levels: MIO_LEVEL.
 */

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <ares.h>
#include <mio.h>

enum { EVENTS = 16 };

static struct mio_registry *registry;
static int watch_error; /* errno of a watch that failed */
static size_t pending, failed;

/* Called with 0 and 0 before c-ares closes the socket. */
static void
on_socket_state(void *unused, ares_socket_t fd, int readable, int writable)
{
	unsigned interests = MIO_LEVEL | (readable ? MIO_READABLE : 0) |
			     (writable ? MIO_WRITABLE : 0);
	mio_token token = (mio_token)fd;
	int result;

	(void)unused;
	if (!readable && !writable) {
		mio_registry_deregister_fd(registry, fd);
		return;
	}
	result = mio_registry_reregister_fd(registry, fd, token, interests);
	/* A new one: c-ares does not say so, but the registry knows. */
	if (result == -1 && errno == ENOENT)
		result =
		    mio_registry_register_fd(registry, fd, token, interests);
	if (result == -1)
		watch_error = errno;
}

static void
on_addresses(void *name, int status, int timeouts, struct ares_addrinfo *found)
{
	const struct ares_addrinfo_node *node;
	char address[NI_MAXHOST];

	(void)timeouts;
	pending--;
	if (status != ARES_SUCCESS) {
		fprintf(stderr, "cares: %s: %s\n", (const char *)name,
		    ares_strerror(status));
		failed++;
		return;
	}
	for (node = found->nodes; node; node = node->ai_next)
		if (getnameinfo(node->ai_addr, node->ai_addrlen, address,
			sizeof address, NULL, 0, NI_NUMERICHOST) == 0)
			printf("%s %s\n", (const char *)name, address);
	ares_freeaddrinfo(found);
}

static int64_t
timeout(ares_channel channel)
{
	struct timeval tv;

	if (!ares_timeout(channel, NULL, &tv))
		return MIO_FOREVER;
	return tv.tv_sec * MIO_SEC + tv.tv_usec * MIO_USEC;
}

static int
run(struct mio_poll *poll, struct mio_events *events, ares_channel channel)
{
	ares_socket_t fd;

	while (pending > 0) {
		if (mio_poll(poll, events, timeout(channel)) == -1 &&
		    errno != EINTR)
			return -1;
		MIO_EVENTS_FOREACH(event, events) {
			/* What it has closed meanwhile it does not know. */
			fd = (ares_socket_t)event->token;
			ares_process_fd(channel,
			    mio_event_is_readable(event) ? fd : ARES_SOCKET_BAD,
			    mio_event_is_writable(event) ? fd
							 : ARES_SOCKET_BAD);
		}
		/* Is it time to ask again, or to give up? */
		ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
		if (watch_error) {
			errno = watch_error;
			return -1;
		}
	}
	return 0;
}

static int
start(ares_channel *channel, const char *server, long ms)
{
	struct ares_options options = { .flags = 0 };
	char no_hosts[] = "b"; /* no /etc/hosts: ask */
	int mask = ARES_OPT_SOCK_STATE_CB;
	int status;

	options.sock_state_cb = on_socket_state;
	if (ms > 0) {
		/* The second try takes twice as long. */
		options.timeout = (int)ms;
		options.tries = 2;
		mask |= ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
	}
	if (server) {
		options.lookups = no_hosts;
		mask |= ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS;
	}
	status = ares_init_options(channel, &options, mask);
	if (status == ARES_SUCCESS && server) {
		status = ares_set_servers_ports_csv(*channel, server);
		if (status != ARES_SUCCESS)
			ares_destroy(*channel);
	}
	if (status == ARES_SUCCESS)
		return 0;
	fprintf(stderr, "cares: %s\n", ares_strerror(status));
	return -1;
}

static int
look_up(struct mio_poll *poll, struct mio_events *events, const char *server,
    long ms, char **names)
{
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
		.ai_flags = ARES_AI_NOSORT };
	ares_channel channel;
	int result;

	registry = mio_poll_registry(poll);
	if (start(&channel, server, ms) == -1)
		return -1;
	for (; *names; names++) {
		pending++;
		ares_getaddrinfo(
		    channel, *names, NULL, &hints, on_addresses, *names);
	}
	result = run(poll, events, channel);
	if (result == -1)
		perror("cares");
	/* It closes its sockets, and on_socket_state hears of it. */
	ares_destroy(channel);
	return result;
}

int
main(int argc, char **argv)
{
	const char *backend = NULL, *server = NULL;
	struct mio_events *events = NULL;
	struct mio_poll *poll = NULL;
	int i, status = EXIT_FAILURE;
	long ms = 0;

	for (i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--backend") == 0)
			backend = argv[i + 1];
		else if (strcmp(argv[i], "--server") == 0)
			server = argv[i + 1];
		else if (strcmp(argv[i], "--timeout") == 0)
			ms = strtol(argv[i + 1], NULL, 10);
		else
			break;
	}
	if (i >= argc || *argv[i] == '-') {
		fprintf(stderr, "usage: cares [--backend NAME] "
				"[--server ADDRESS:PORT] [--timeout MS]\n"
				"             NAME...\n");
		return 2;
	}
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		fprintf(stderr, "cares: cannot start\n");
		return EXIT_FAILURE;
	}
	if (mio_poll_new_backend(&poll, backend) == -1 ||
	    mio_events_new(&events, EVENTS) == -1)
		perror("cares: poll");
	else if (look_up(poll, events, server, ms, argv + i) == 0 &&
		 failed == 0)
		status = EXIT_SUCCESS;
	mio_events_free(events);
	mio_poll_free(poll);
	ares_library_cleanup();
	return status;
}
