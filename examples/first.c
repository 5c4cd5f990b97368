/* SPDX-License-Identifier: MIT */
/* A listener, a client, and the events of both. */

#include <errno.h>
#include <stdio.h>
#include <mio.h>

enum { SERVER, CLIENT };

int
main(void)
{
	struct sockaddr_storage addr;
	struct sockaddr *any = (struct sockaddr *)&addr;
	struct mio_poll *poll;
	struct mio_events *events;
	struct mio_source server, client, served;
	int accepted = 0, connected = 0;
	socklen_t len;
	char text[80];

	if (mio_addr_parse(&addr, &len, "127.0.0.1:0") ||
	    mio_poll_new(&poll) || mio_events_new(&events, 128) ||
	    mio_tcp_listen(&server, any, len) ||
	    mio_source_local_addr(&server, any, &len) ||
	    mio_registry_register(mio_poll_registry(poll), &server,
		SERVER, MIO_READABLE) ||
	    mio_tcp_connect(&client, any, len) ||
	    mio_registry_register(mio_poll_registry(poll), &client,
		CLIENT, MIO_READABLE | MIO_WRITABLE)) {
		perror("mio");
		return 1;
	}
	while (!accepted || !connected) {
		if (mio_poll(poll, events, MIO_FOREVER) == -1 &&
		    errno != EINTR) {
			perror("mio_poll");
			return 1;
		}
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
