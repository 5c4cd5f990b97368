/* SPDX-License-Identifier: MIT */
/* A listener, a client, and the events of both. */

#include <arpa/inet.h>
#include <stdio.h>
#include <mio.h>

enum { SERVER, CLIENT };

int
main(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr *addr = (struct sockaddr *)&in;
	socklen_t len = sizeof in;
	struct mio_poll *poll;
	struct mio_events *events;
	struct mio_source server, client, served;
	int accepted = 0, connected = 0;
	char text[80];

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (mio_poll_new(&poll) || mio_events_new(&events, 128) ||
	    mio_tcp_listen(&server, addr, len) ||
	    mio_source_local_addr(&server, addr, &len) ||
	    mio_registry_register(mio_poll_registry(poll), &server,
		SERVER, MIO_READABLE) ||
	    mio_tcp_connect(&client, addr, len) ||
	    mio_registry_register(mio_poll_registry(poll), &client,
		CLIENT, MIO_READABLE | MIO_WRITABLE)) {
		perror("mio");
		return 1;
	}
	while (!accepted || !connected) {
		if (mio_poll(poll, events, MIO_FOREVER) == -1)
			return 1;
		MIO_EVENTS_FOREACH(event, events) {
			mio_event_format(event, text, sizeof text);
			puts(text);
			if (event->token == SERVER)
				accepted |= mio_source_accept(&server,
				    &served, NULL, NULL) == 0;
			else if (mio_source_connect_result(&client) == 0)
				connected = 1;
		}
	}
	return 0;
}
