/* SPDX-License-Identifier: MIT */
/*
 * The servers, and the load on them, which is another process: the same for
 * every peer, and not by it.  The two agree over a socket pair: the server
 * writes a number of operations there, the load answers when they are done.
 */

#include "config.h"
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE = 64, BURST = 16, REQUEST = 4096 };
/* Tokens; connections have those from CONNECTION on. */
enum { LISTENER, CONTROL, CONNECTION };

static struct sockaddr_in address;
static int listener, control;
static size_t connections;

/* The load. */

static int
client(void)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	bench_check(fd == -1, "socket");
	bench_check(
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1,
	    "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void
say(int fd, long number)
{
	bench_check(write(fd, &number, sizeof(number)) != sizeof(number),
	    "load: write");
}

/* Each connection has one message on its way, there or back. */
static void
load_echo(int fd)
{
	struct epoll_event events[256], event = { .events = EPOLLIN };
	int *clients = bench_alloc(connections, sizeof(*clients));
	int ep = epoll_create1(EPOLL_CLOEXEC);
	char message[MESSAGE] = "";
	long count, sent, received;

	bench_check(ep == -1, "epoll_create1");
	for (size_t i = 0; i < connections; i++) {
		event.data.fd = clients[i] = client();
		bench_check(
		    epoll_ctl(ep, EPOLL_CTL_ADD, clients[i], &event) == -1,
		    "epoll_ctl");
	}
	while (read(fd, &count, sizeof(count)) == sizeof(count)) {
		received = 0;
		for (sent = 0; sent < count && sent < (long)connections; sent++)
			bench_check(
			    write(clients[sent], message, MESSAGE) != MESSAGE,
			    "load: write");
		while (received < count) {
			int n = epoll_wait(ep, events, 256, -1);

			for (int i = 0; i < n; i++) {
				int from = events[i].data.fd;

				bench_check(
				    read(from, message, MESSAGE) != MESSAGE,
				    "load: read");
				received++;
				if (sent == count)
					continue;
				sent++;
				bench_check(
				    write(from, message, MESSAGE) != MESSAGE,
				    "load: write");
			}
		}
		say(fd, count);
	}
}

/* Connections that live for one message, some at a time. */
static void
load_accept(int fd)
{
	static const struct linger reset = { 1, 0 };
	int clients[BURST], burst;
	char message[MESSAGE] = "";
	long count, left;

	while (read(fd, &count, sizeof(count)) == sizeof(count)) {
		for (left = count; left > 0; left -= burst) {
			burst = left < BURST ? (int)left : BURST;
			for (int i = 0; i < burst; i++) {
				clients[i] = client();
				bench_check(write(clients[i], message,
						MESSAGE) != MESSAGE,
				    "load: write");
			}
			for (int i = 0; i < burst; i++) {
				bench_check(read(clients[i], message,
						MESSAGE) != MESSAGE,
				    "load: read");
				/* Leaves no port in TIME_WAIT. */
				setsockopt(clients[i], SOL_SOCKET, SO_LINGER,
				    &reset, sizeof(reset));
				close(clients[i]);
			}
		}
		say(fd, count);
	}
}

static void
start_load(void (*load)(int fd))
{
	int ends[2];
	pid_t child;

	bench_check(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1,
	    "socketpair");
	child = fork();
	bench_check(child == -1, "fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		bench_pin(1);
		close(ends[0]);
		load(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	control = ends[0];
	bench_check(fcntl(control, F_SETFL, O_NONBLOCK) == -1, "fcntl");
	peer_add(CONTROL, control, false);
}

/* The server. */

static int *fds;
static size_t *unused, unused_count;
static unsigned char *matched; /* of the end of a request, so far */
static long served;
static void (*serve)(size_t token, const char *data, size_t length);
void (*peer_send)(size_t token, const char *data, size_t length);
bool peer_short;

int
bench_accept(int fd)
{
	return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static void
listen_at_loopback(void)
{
	socklen_t length = sizeof(address);

	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener =
	    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bench_check(
	    listener == -1 ||
		bind(listener, (struct sockaddr *)&address, length) == -1 ||
		listen(listener, 1024) == -1 ||
		getsockname(listener, (struct sockaddr *)&address, &length) ==
		    -1,
	    "listen");
}

static void
serve_open(const char *backend, size_t most)
{
	size_t capacity = CONNECTION + most;

	fds = bench_alloc(capacity, sizeof(*fds));
	unused = bench_alloc(capacity, sizeof(*unused));
	matched = bench_alloc(capacity, 1);
	while (unused_count < most) {
		unused[unused_count] = CONNECTION + unused_count;
		unused_count++;
	}
	peer_open(backend, capacity, false);
	listen_at_loopback();
	peer_add(LISTENER, listener, false);
}

static void
accept_some(void)
{
	do {
		size_t token;

		bench_check(unused_count == 0, "too many connections");
		token = unused[--unused_count];
		fds[token] = peer_accept(LISTENER, listener, token);
		if (fds[token] == -1) {
			bench_check(errno != EAGAIN, "accept");
			unused[unused_count++] = token;
			peer_drained(LISTENER, listener);
			return;
		}
		matched[token] = 0;
	} while (!peer_level);
}

static void
control_ready(void)
{
	long count;

	bench_check(read(control, &count, sizeof(count)) != sizeof(count),
	    "the load has ended");
	peer_drained(CONTROL, control);
	peer_stop();
}

static void
hang_up(size_t token)
{
	peer_close(token, fds[token]);
	unused[unused_count++] = token;
}

static void
send_all(size_t token, const char *data, size_t length)
{
	if (peer_send != NULL)
		peer_send(token, data, length);
	else
		bench_check(send(fds[token], data, length, MSG_NOSIGNAL) !=
				(ssize_t)length,
		    "send");
}

void
serve_data(size_t token, const char *data, size_t length)
{
	if (length > 0)
		serve(token, data, length);
	else
		hang_up(token);
}

static void
serve_connection(size_t token)
{
	char data[REQUEST];

	do {
		ssize_t n = read(fds[token], data, sizeof(data));

		if (n == -1 && errno != ECONNRESET) {
			bench_check(errno != EAGAIN, "read");
			peer_drained(token, fds[token]);
			return;
		}
		serve_data(token, data, n > 0 ? (size_t)n : 0);
		if (n <= 0)
			return;
		if (peer_short && (size_t)n < sizeof(data)) {
			peer_drained(token, fds[token]);
			return;
		}
	} while (!peer_level);
}

static void
echo(size_t token, const char *data, size_t length)
{
	send_all(token, data, length);
}

static void
echo_ready(size_t token)
{
	if (token == LISTENER)
		accept_some();
	else if (token == CONTROL)
		control_ready();
	else
		serve_connection(token);
}

static long
serve_run(long count)
{
	say(control, count);
	peer_run();
	return count;
}

static void
echo_open(const char *backend, const size_t *arguments)
{
	connections = arguments[0];
	serve = echo;
	/* One more, to find that there is none. */
	serve_open(backend, connections + 1);
	start_load(load_echo);
}

static void
accept_open(const char *backend, const size_t *arguments)
{
	(void)arguments;
	serve = echo;
	/* The load does not wait until the server has hung up. */
	serve_open(backend, (size_t)64 * BURST);
	start_load(load_accept);
}

/* HTTP, under wrk. */

static const char hello[] = "HTTP/1.1 200 OK\r\n"
			    "Content-Type: text/plain\r\n"
			    "Content-Length: 6\r\n\r\nhello\n";
double serve_wall;

static void
answer_http(size_t token, const char *data, size_t length)
{
	static const char end[] = "\r\n\r\n";
	unsigned char n = matched[token];

	for (size_t i = 0; i < length; i++) {
		n = (unsigned char)(data[i] == end[n] ? n + 1
						      : data[i] == '\r');
		if (n < sizeof(end) - 1)
			continue;
		n = 0;
		served++;
		send_all(token, hello, sizeof(hello) - 1);
	}
	matched[token] = n;
}

static void
http_ready(size_t token)
{
	if (token == LISTENER)
		accept_some();
	else if (token == CONTROL)
		peer_stop(); /* wrk is gone */
	else
		serve_connection(token);
}

static void
http_open(const char *backend, const size_t *arguments)
{
	connections = arguments[0];
	serve = answer_http;
	/* wrk makes new ones while the old ones are being closed. */
	serve_open(backend, 2 * connections + 2);
}

static _Noreturn void
exec_wrk(long seconds, int output)
{
	char many[32], time[32], url[64];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bench_pin(1);
	snprintf(many, sizeof(many), "-c%zu", connections);
	snprintf(time, sizeof(time), "-d%lds", seconds);
	snprintf(
	    url, sizeof(url), "http://127.0.0.1:%d/", ntohs(address.sin_port));
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execlp("wrk", "wrk", "-t1", many, time, url, (char *)NULL);
	_exit(127);
}

/* Requests a second, as wrk tells; 0 if it tells of errors. */
static double
read_report(FILE *report)
{
	static const char key[] = "Requests/sec:";
	const size_t length = sizeof(key) - 1;
	double rate = 0;
	char line[256];

	while (fgets(line, sizeof(line), report) != NULL) {
		if (strstr(line, "Socket errors") || strstr(line, "Non-2xx"))
			return 0;
		if (strncmp(line, key, length) == 0)
			rate = strtod(line + length, NULL);
	}
	return rate;
}

static long
http_run(long seconds)
{
	FILE *report = tmpfile();
	double rate;
	int ends[2] = { -1, -1 };
	pid_t child;

	/* Without close-on-exec: its end tells of wrk's. */
	bench_check(
	    report == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == -1,
	    "socketpair");
	child = fork();
	bench_check(child == -1, "fork");
	if (child == 0)
		exec_wrk(seconds, fileno(report));
	close(ends[1]);
	control = ends[0];
	peer_add(CONTROL, control, false);
	peer_run();
	rewind(report);
	rate = read_report(report);
	fclose(report);
	errno = EPROTO;
	bench_check(rate <= 0, "wrk");
	serve_wall = (double)served / rate;
	return served;
}

const struct work serve_echo = { "echo", "CONNECTIONS", 1, echo_open,
	echo_ready, serve_run, false };
const struct work serve_accept = { "accept", "", 0, accept_open, echo_ready,
	serve_run, false };
const struct work serve_http = { "http", "CONNECTIONS", 1, http_open,
	http_ready, http_run, true };
