/* SPDX-License-Identifier: MIT */
/*
 * Facts about kqueue(2) itself that libmio builds on, each from the BSD
 * manual pages or, where they are silent, from a kernel that is named.  What
 * of libmio is tested elsewhere: this program knows nothing of it, and holds
 * for any kqueue, that of conformance/models included.  With libkqueue some
 * are known to fail, and say why.
 */

#include "config.h"

#include <stdio.h>

#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

enum { ROOM = 8 };

/* As both kevent's of int and NetBSD's of size_t take them. */
#define KEVENT(kq, changes, nchanges, events, nevents, timeout)              \
	kevent(kq, changes, (unsigned char)(nchanges), events,               \
	    (unsigned char)(nevents), timeout)

static const struct timespec at_once = { 0, 0 };
static const struct timespec soon = { 0, 30000000 };
static const struct timespec late = { 10, 0 };

static int kq; /* of the fact that runs, in a process of its own */

static void
expect(bool holds, int line, const char *what)
{
	if (holds)
		return;
	printf("  line %d: %s (errno %d, %s)\n", line, what, errno,
	    strerror(errno));
	fflush(stdout);
	_exit(1);
}

#define EXPECT(what) expect((what), __LINE__, #what)

static struct kevent
change_of(int ident, int filter, int flags, uintptr_t token)
{
	struct kevent change;

	memset(&change, 0, sizeof(change));
	change.ident = (uintptr_t)ident;
	/* Signed on one system, unsigned and wider on another. */
	if (filter == EVFILT_READ)
		change.filter = EVFILT_READ;
	else if (filter == EVFILT_WRITE)
		change.filter = EVFILT_WRITE;
	else
		change.filter = 0x7ff;
	change.flags = (unsigned short)flags;
	memcpy(&change.udata, &token, sizeof(change.udata));
	return change;
}

static uintptr_t
token_of(const struct kevent *event)
{
	uintptr_t token;

	memcpy(&token, &event->udata, sizeof(token));
	return token;
}

/* One change that goes through, without a receipt. */
static void
change(int ident, int filter, int flags, uintptr_t token)
{
	struct kevent one = change_of(ident, filter, flags, token);

	EXPECT(KEVENT(kq, &one, 1, NULL, 0, NULL) == 0);
}

/* The error of a change, by its receipt. */
static int
receipt(int ident, int filter, int flags, uintptr_t token)
{
	struct kevent one =
	    change_of(ident, filter, flags | EV_RECEIPT, token);
	struct kevent result;

	EXPECT(KEVENT(kq, &one, 1, &result, 1, &at_once) == 1);
	EXPECT(result.flags & EV_ERROR);
	EXPECT(result.ident == one.ident && result.filter == one.filter);
	return (int)result.data;
}

/* The one event that comes. */
static struct kevent
event(uintptr_t token)
{
	struct kevent events[ROOM];

	EXPECT(KEVENT(kq, NULL, 0, events, ROOM, &late) == 1);
	EXPECT(token_of(&events[0]) == token);
	EXPECT((events[0].flags & EV_ERROR) == 0);
	return events[0];
}

static void
silence(void)
{
	struct kevent events[ROOM];

	EXPECT(KEVENT(kq, NULL, 0, events, ROOM, &soon) == 0);
}

static void
settle(void)
{
	struct kevent events[ROOM];
	int turns = 0;

	while (KEVENT(kq, NULL, 0, events, ROOM, &soon) > 0)
		EXPECT(++turns < 20);
}

static void
put(int fd, const char *text)
{
	EXPECT(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void
take(int fd, size_t count)
{
	char buf[100];

	EXPECT(read(fd, buf, count) == (ssize_t)count);
}

static void
nonblocking(int fd)
{
	EXPECT(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

/* fds[0] reads, fds[1] writes. */
static void
new_pipe(int fds[2])
{
	EXPECT(pipe(fds) == 0);
	nonblocking(fds[0]);
	nonblocking(fds[1]);
}

static int
new_bound(struct sockaddr_in *addr, int type)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, type, 0);

	memset(addr, 0, sizeof(*addr));
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	EXPECT(fd >= 0 && bind(fd, (struct sockaddr *)addr, len) == 0);
	EXPECT(getsockname(fd, (struct sockaddr *)addr, &len) == 0);
	return fd;
}

static int
new_listener(struct sockaddr_in *addr)
{
	int fd = new_bound(addr, SOCK_STREAM);

	EXPECT(listen(fd, 5) == 0);
	nonblocking(fd);
	return fd;
}

static int
new_client(const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	EXPECT(fd >= 0);
	EXPECT(connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0);
	nonblocking(fd);
	return fd;
}

static void
new_tcp(int fds[2])
{
	struct sockaddr_in addr;
	int listener = new_listener(&addr);
	struct pollfd entry = { listener, POLLIN, 0 };

	fds[0] = new_client(&addr);
	EXPECT(poll(&entry, 1, 10000) == 1);
	fds[1] = accept(listener, NULL, NULL);
	EXPECT(fds[1] >= 0);
	nonblocking(fds[1]);
	close(listener);
}

static void
new_unix(int fds[2])
{
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	nonblocking(fds[0]);
	nonblocking(fds[1]);
}

static void
fill(int fd)
{
	static const char junk[4096];

	while (write(fd, junk, sizeof(junk)) > 0)
		continue;
	EXPECT(errno == EAGAIN);
}

static void
drain(int fd)
{
	static char junk[65536];

	while (read(fd, junk, sizeof(junk)) > 0)
		continue;
	EXPECT(errno == EAGAIN);
}

static void
reset(int fd)
{
	struct linger linger = { 1, 0 };

	EXPECT(setsockopt(
		   fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
	close(fd);
}

static int
socket_error(int fd)
{
	int error = -1;
	socklen_t len = sizeof(error);

	EXPECT(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
	return error;
}

/* Registering. */

static void
add_reports_what_is_ready(void)
{
	struct kevent got;
	int fds[2];

	new_pipe(fds);
	put(fds[1], "abc");
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	got = event(7);
	EXPECT(got.filter == EVFILT_READ && got.ident == (uintptr_t)fds[0]);
	EXPECT(got.data == 3 && !(got.flags & EV_EOF));
}

static void
add_again_reports_again(void)
{
	int fds[2];

	new_pipe(fds);
	put(fds[1], "abc");
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	event(7);
	silence();
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 8);
	event(8);
	silence();
}

static void
add_again_replaces(void)
{
	int fds[2];

	new_pipe(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 8);
	put(fds[1], "x");
	event(8);
	silence();
	change(fds[0], EVFILT_READ, EV_DELETE, 0);
	EXPECT(receipt(fds[0], EVFILT_READ, EV_DELETE, 0) == ENOENT);
}

/* Each way, what it was at first it stays; and udata changes all the same. */
static void
add_again_leaves_clear_as_it_is(void)
{
	int fds[2];

	for (int clear = 0; clear <= EV_CLEAR; clear += EV_CLEAR) {
		new_pipe(fds);
		put(fds[1], "x");
		change(fds[0], EVFILT_READ, EV_ADD | clear, 7);
		event(7);
		change(fds[0], EVFILT_READ, EV_ADD | (EV_CLEAR - clear), 8);
		event(8);
		if (clear == EV_CLEAR)
			silence();
		else
			event(8);
		close(fds[0]);
		close(fds[1]);
	}
}

/* In one call, and what is ready is not lost in between. */
static void
delete_and_add_change_clear(void)
{
	struct kevent changes[4], results[ROOM];
	int fds[2];

	new_unix(fds);
	put(fds[1], "x");
	for (int clear = 0; clear <= EV_CLEAR; clear += EV_CLEAR) {
		const int add = EV_ADD | EV_RECEIPT;
		const int del = EV_DELETE | EV_RECEIPT;

		change(fds[0], EVFILT_READ, EV_ADD | clear, 7);
		event(7);
		changes[0] = change_of(fds[0], EVFILT_WRITE, del, 8);
		changes[1] = change_of(fds[0], EVFILT_WRITE, add, 8);
		changes[2] = change_of(fds[0], EVFILT_READ, del, 8);
		changes[3] = change_of(
		    fds[0], EVFILT_READ, add | (EV_CLEAR - clear), 8);
		EXPECT(KEVENT(kq, changes, 4, results, 4, &at_once) == 4);
		EXPECT(results[0].data == ENOENT && results[1].data == 0);
		EXPECT(results[2].data == 0 && results[3].data == 0);
		change(fds[0], EVFILT_WRITE, EV_DELETE, 8);
		EXPECT(event(8).filter == EVFILT_READ);
		if (clear == 0)
			silence();
		else
			event(8);
		change(fds[0], EVFILT_READ, EV_DELETE, 8);
	}
}

static void
delete_silences(void)
{
	int fds[2];

	new_pipe(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	put(fds[1], "x");
	change(fds[0], EVFILT_READ, EV_DELETE, 0);
	silence();
	put(fds[1], "y");
	silence();
}

static void
filters_are_separate(void)
{
	int fds[2];

	new_unix(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	change(fds[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 8);
	EXPECT(event(8).filter == EVFILT_WRITE);
	EXPECT(receipt(fds[0], EVFILT_WRITE, EV_DELETE, 0) == 0);
	EXPECT(receipt(fds[0], EVFILT_WRITE, EV_DELETE, 0) == ENOENT);
	put(fds[1], "x");
	EXPECT(event(7).filter == EVFILT_READ);
	silence();
}

static void
what_is_unknown_is_enoent(void)
{
	int fds[2];

	new_pipe(fds);
	EXPECT(receipt(fds[0], EVFILT_READ, EV_DELETE, 0) == ENOENT);
	EXPECT(receipt(fds[0], EVFILT_READ, EV_ENABLE, 0) == ENOENT);
}

static void
no_descriptor_is_ebadf(void)
{
	struct kevent got;
	int fds[2];

	EXPECT(receipt(1000, EVFILT_READ, EV_ADD, 0) == EBADF);
	EXPECT(KEVENT(1000, NULL, 0, &got, 1, &at_once) == -1);
	EXPECT(errno == EBADF);
	new_pipe(fds);
	EXPECT(KEVENT(fds[0], NULL, 0, &got, 1, &at_once) == -1);
	EXPECT(errno == EBADF);
}

static void
deleting_no_descriptor_is_ebadf(void)
{
	EXPECT(receipt(1000, EVFILT_READ, EV_DELETE, 0) == EBADF);
}

static void
no_filter_is_einval(void)
{
	int fds[2];

	new_pipe(fds);
	EXPECT(receipt(fds[0], 0x7ff, EV_ADD, 0) == EINVAL);
}

static void
disabled_is_silent(void)
{
	int fds[2];

	new_pipe(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	change(fds[0], EVFILT_READ, EV_DISABLE, 7);
	put(fds[1], "x");
	silence();
	change(fds[0], EVFILT_READ, EV_ENABLE, 7);
	event(7);
}

static void
oneshot_comes_once(void)
{
	int fds[2];

	new_pipe(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_ONESHOT, 7);
	put(fds[1], "x");
	event(7);
	put(fds[1], "x");
	silence();
	EXPECT(receipt(fds[0], EVFILT_READ, EV_DELETE, 0) == ENOENT);
}

/* Receipts and errors. */

static void
receipts_come_for_each_change(void)
{
	struct kevent changes[3], results[ROOM];
	int fds[2];

	new_pipe(fds);
	put(fds[1], "x");
	changes[0] = change_of(1000, EVFILT_READ, EV_ADD | EV_RECEIPT, 1);
	changes[1] = change_of(fds[0], EVFILT_READ,
	    EV_ADD | EV_CLEAR | EV_RECEIPT, 2);
	changes[2] =
	    change_of(fds[1], EVFILT_WRITE, EV_DELETE | EV_RECEIPT, 3);
	EXPECT(KEVENT(kq, changes, 3, results, ROOM, NULL) == 3);
	for (int i = 0; i < 3; ++i) {
		EXPECT(results[i].flags & EV_ERROR);
		EXPECT(results[i].ident == changes[i].ident);
	}
	EXPECT(results[0].data == EBADF);
	EXPECT(results[1].data == 0);
	EXPECT(results[2].data == ENOENT);
	/* No event was taken, and what went well is there. */
	event(2);
}

static void
receipts_may_replace_the_changes(void)
{
	struct kevent list[2];
	int fds[2];

	new_unix(fds);
	list[0] = change_of(fds[0], EVFILT_READ, EV_ADD | EV_RECEIPT, 1);
	list[1] = change_of(fds[0], EVFILT_WRITE, EV_DELETE | EV_RECEIPT, 2);
	EXPECT(KEVENT(kq, list, 2, list, 2, NULL) == 2);
	EXPECT(list[0].data == 0 && list[0].filter == EVFILT_READ);
	EXPECT(list[1].data == ENOENT && list[1].filter == EVFILT_WRITE);
}

static void
receipts_without_room_end_it(void)
{
	struct kevent changes[2], result;
	int fds[2];

	new_unix(fds);
	changes[0] = change_of(fds[0], EVFILT_READ, EV_ADD | EV_RECEIPT, 1);
	changes[1] = change_of(fds[1], EVFILT_READ, EV_ADD | EV_RECEIPT, 2);
	EXPECT(KEVENT(kq, changes, 2, &result, 1, NULL) == 1);
	EXPECT(result.data == 0 && result.ident == (uintptr_t)fds[0]);
}

static void
errors_come_as_events(void)
{
	struct kevent changes[2], results[ROOM];
	int fds[2];

	new_pipe(fds);
	changes[0] = change_of(fds[0], EVFILT_READ, EV_DELETE, 1);
	changes[1] = change_of(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 2);
	EXPECT(KEVENT(kq, changes, 2, results, ROOM, &at_once) == 1);
	EXPECT((results[0].flags & EV_ERROR) && results[0].data == ENOENT);
	put(fds[1], "x");
	event(2);
}

static void
errors_without_room_are_errno(void)
{
	struct kevent one;
	int fds[2];

	new_pipe(fds);
	one = change_of(fds[0], EVFILT_READ, EV_DELETE, 1);
	EXPECT(KEVENT(kq, &one, 1, NULL, 0, &at_once) == -1);
	EXPECT(errno == ENOENT);
}

/* Delivery. */

static void
clear_reports_each_activity(void)
{
	int fds[2];

	new_unix(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	silence();
	put(fds[1], "x");
	EXPECT(event(7).data == 1);
	silence();
	put(fds[1], "y");
	EXPECT(event(7).data == 2);
	silence();
	take(fds[0], 2);
	put(fds[1], "z");
	event(7);
}

static void
without_clear_it_is_a_level(void)
{
	int fds[2];

	new_pipe(fds);
	change(fds[0], EVFILT_READ, EV_ADD, 7);
	put(fds[1], "x");
	event(7);
	event(7);
	take(fds[0], 1);
	silence();
	put(fds[1], "x");
	event(7);
}

static void
without_clear_there_is_room_as_long_as_there_is(void)
{
	int fds[2];

	new_pipe(fds);
	change(fds[1], EVFILT_WRITE, EV_ADD, 7);
	event(7);
	event(7);
	fill(fds[1]);
	silence();
	drain(fds[0]);
	event(7);
	event(7);
}

static void
without_clear_an_end_stays(void)
{
	int fds[2];

	new_tcp(fds);
	change(fds[0], EVFILT_READ, EV_ADD, 7);
	EXPECT(shutdown(fds[1], SHUT_WR) == 0);
	EXPECT(event(7).flags & EV_EOF);
	take(fds[0], 0);
	EXPECT(event(7).flags & EV_EOF);
	change(fds[0], EVFILT_READ, EV_DELETE, 7);
	close(fds[1]);
	new_pipe(fds);
	change(fds[1], EVFILT_WRITE, EV_ADD, 8);
	close(fds[0]);
	EXPECT(event(8).flags & EV_EOF);
	EXPECT(event(8).flags & EV_EOF);
}

/* One place for three of them, ready all the time: each has its turn. */
static void
without_clear_they_take_turns(void)
{
	struct kevent got;
	int fds[2], seen[3] = { 0 };

	for (int i = 0; i < 3; ++i) {
		new_pipe(fds);
		put(fds[1], "x");
		change(fds[0], EVFILT_READ, EV_ADD, (uintptr_t)i);
	}
	for (int i = 0; i < 12; ++i) {
		EXPECT(KEVENT(kq, NULL, 0, &got, 1, &late) == 1);
		EXPECT(token_of(&got) < 3);
		++seen[token_of(&got)];
	}
	for (int i = 0; i < 3; ++i)
		EXPECT(seen[i] == 4);
}

static void
what_is_over_is_not_reported(void)
{
	int fds[2];

	new_pipe(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	put(fds[1], "x");
	take(fds[0], 1);
	silence();
}

static void
activities_are_one_event(void)
{
	int fds[2];

	new_pipe(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	for (int i = 0; i < 5; ++i)
		put(fds[1], "x");
	EXPECT(event(7).data == 5);
	silence();
}

static void
write_comes_when_there_is_room(void)
{
	int fds[2];

	new_pipe(fds);
	change(fds[1], EVFILT_WRITE, EV_ADD | EV_CLEAR, 7);
	EXPECT(event(7).data > 0);
	silence();
	fill(fds[1]);
	silence();
	drain(fds[0]);
	EXPECT(event(7).data > 0);
}

static void
what_finds_no_room_comes_next(void)
{
	struct kevent got;
	bool seen[3] = { false };
	int fds[2];

	for (int i = 0; i < 3; ++i) {
		new_pipe(fds);
		put(fds[1], "x");
		change(fds[0], EVFILT_READ, EV_ADD, (uintptr_t)i);
	}
	for (int i = 0; i < 3; ++i) {
		EXPECT(KEVENT(kq, NULL, 0, &got, 1, &late) == 1);
		EXPECT(token_of(&got) < 3 && !seen[token_of(&got)]);
		seen[token_of(&got)] = true;
	}
}

static void
a_file_has_data_to_its_end(void)
{
	char name[] = "/tmp/kqueue.XXXXXX";
	int fd = mkstemp(name);

	EXPECT(fd >= 0 && unlink(name) == 0);
	put(fd, "abcd");
	EXPECT(lseek(fd, 1, SEEK_SET) == 1);
	change(fd, EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	EXPECT(event(7).data == 3);
}

static void
a_listener_has_connections(void)
{
	struct sockaddr_in addr;
	int fd = new_listener(&addr);

	change(fd, EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	silence();
	new_client(&addr);
	EXPECT(event(7).data == 1);
	new_client(&addr);
	EXPECT(event(7).data == 2);
}

/* Ends and errors. */

static void
a_peers_end_is_eof(void)
{
	struct kevent got;
	int fds[2];

	new_tcp(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	put(fds[1], "abc");
	EXPECT(shutdown(fds[1], SHUT_WR) == 0);
	do
		got = event(7);
	while (!(got.flags & EV_EOF));
	EXPECT(got.data == 3 && got.fflags == 0);
	change(fds[0], EVFILT_READ, EV_DELETE, 7);
	/* The other direction goes on. */
	change(fds[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 9);
	EXPECT(!(event(9).flags & EV_EOF));
}

static void
own_end_is_eof_of_write(void)
{
	struct kevent got;
	int fds[2];

	for (int tcp = 0; tcp < 2; ++tcp) {
		if (tcp)
			new_tcp(fds);
		else
			new_unix(fds);
		change(fds[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 8);
		EXPECT(!(event(8).flags & EV_EOF));
		EXPECT(shutdown(fds[0], SHUT_WR) == 0);
		got = event(8);
		EXPECT((got.flags & EV_EOF) && got.fflags == 0);
		close(fds[0]);
		close(fds[1]);
	}
}

static void
both_filters_end(int fd)
{
	struct kevent events[ROOM];
	int reads = 0, writes = 0;

	while (reads == 0 || writes == 0) {
		int n = KEVENT(kq, NULL, 0, events, ROOM, &late);

		EXPECT(n > 0);
		for (int i = 0; i < n; ++i) {
			EXPECT(events[i].ident == (uintptr_t)fd);
			EXPECT(events[i].flags & EV_EOF);
			EXPECT(events[i].fflags != 0);
			reads += events[i].filter == EVFILT_READ;
			writes += events[i].filter == EVFILT_WRITE;
		}
	}
}

static void
a_reset_is_eof_with_an_error(void)
{
	int fds[2];

	new_tcp(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	change(fds[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 8);
	settle();
	reset(fds[1]);
	both_filters_end(fds[0]);
}

static void
refuse(int fd)
{
	struct sockaddr_in addr;

	new_bound(&addr, SOCK_STREAM); /* nobody else can listen there */
	nonblocking(fd);
	EXPECT(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == -1);
}

static void
a_refusal_is_eof_with_an_error(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	change(fd, EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	change(fd, EVFILT_WRITE, EV_ADD | EV_CLEAR, 8);
	settle();
	refuse(fd);
	if (errno == EINPROGRESS)
		both_filters_end(fd);
}

static void
the_error_is_left_to_fetch(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	change(fd, EVFILT_WRITE, EV_ADD | EV_CLEAR, 8);
	settle();
	refuse(fd);
	if (errno != EINPROGRESS)
		return;
	event(8);
	EXPECT(socket_error(fd) == ECONNREFUSED);
}

static void
unconnected_is_silent(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	change(fd, EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	change(fd, EVFILT_WRITE, EV_ADD | EV_CLEAR, 8);
	silence();
}

static void
a_refused_datagram_is_no_end(void)
{
	struct sockaddr_in addr;
	int deaf = new_bound(&addr, SOCK_DGRAM);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct kevent got;

	EXPECT(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	nonblocking(fd);
	/* Connected with itself, it takes nothing of others. */
	EXPECT(connect(deaf, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	change(fd, EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	EXPECT(send(fd, "x", 1, 0) == 1);
	got = event(7);
	EXPECT(!(got.flags & EV_EOF));
	EXPECT(socket_error(fd) == ECONNREFUSED);
}

static void
a_pipes_last_writer_is_eof(void)
{
	struct kevent got;
	int fds[2];

	new_pipe(fds);
	put(fds[1], "abc");
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	EXPECT(!(event(7).flags & EV_EOF));
	close(fds[1]);
	got = event(7);
	EXPECT((got.flags & EV_EOF) && got.data == 3 && got.fflags == 0);
}

static void
a_pipes_reader_is_eof(void)
{
	struct kevent got;
	int fds[2];

	for (int full = 0; full < 2; ++full) {
		new_pipe(fds);
		change(fds[1], EVFILT_WRITE, EV_ADD | EV_CLEAR, 7);
		event(7);
		if (full)
			fill(fds[1]);
		close(fds[0]);
		got = event(7);
		EXPECT(got.flags & EV_EOF);
		close(fds[1]);
	}
}

static void
a_pipes_end_is_no_error(void)
{
	int fds[2];

	new_pipe(fds);
	change(fds[1], EVFILT_WRITE, EV_ADD | EV_CLEAR, 7);
	event(7);
	close(fds[0]);
	EXPECT(event(7).fflags == 0);
}

/* FreeBSD and macOS refuse, NetBSD in its own way; or it is the end. */
static void
a_pipe_without_reader_is_refused(void)
{
	int fds[2], error;

	new_pipe(fds);
	close(fds[0]);
	error = receipt(fds[1], EVFILT_WRITE, EV_ADD | EV_CLEAR, 7);
	EXPECT(error == EPIPE || error == EBADF || error == 0);
	if (error == 0)
		EXPECT(event(7).flags & EV_EOF);
	else
		EXPECT(receipt(fds[1], EVFILT_WRITE, EV_DELETE, 0) == ENOENT);
}

/* Descriptors come and go. */

static void
close_removes(void)
{
	int fds[2];

	new_pipe(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	put(fds[1], "x");
	close(fds[0]);
	silence();
}

static void
close_removes_for_a_number_used_again(void)
{
	int fds[2], again[2];

	new_pipe(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	close(fds[0]);
	new_pipe(again);
	EXPECT(again[0] == fds[0]);
	put(again[1], "x");
	silence();
	EXPECT(receipt(again[0], EVFILT_READ, EV_DELETE, 0) == ENOENT);
	EXPECT(receipt(again[0], EVFILT_READ, EV_ADD | EV_CLEAR, 8) == 0);
	event(8);
	silence();
}

static void
close_removes_that_number_alone(void)
{
	int fds[2], copy;

	new_pipe(fds);
	copy = dup(fds[0]);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	change(copy, EVFILT_READ, EV_ADD | EV_CLEAR, 8);
	close(fds[0]);
	put(fds[1], "x");
	event(8);
	silence();
}

static void
copies_have_kevents_of_their_own(void)
{
	struct kevent events[ROOM];
	int fds[2], copy;

	new_pipe(fds);
	copy = dup(fds[0]);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	change(copy, EVFILT_READ, EV_ADD | EV_CLEAR, 8);
	put(fds[1], "x");
	EXPECT(KEVENT(kq, NULL, 0, events, ROOM, &late) == 2);
	EXPECT(token_of(&events[0]) + token_of(&events[1]) == 15);
}

static void
a_kqueue_can_be_copied(void)
{
	int fds[2], copy = dup(kq), first = kq;

	EXPECT(copy >= 0);
	new_pipe(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	put(fds[1], "x");
	kq = copy;
	event(7);
	close(first);
	put(fds[1], "y");
	event(7);
}

static void
a_kqueue_is_readable_with_events(void)
{
	struct pollfd entry = { kq, POLLIN, 0 };
	int fds[2];

	new_pipe(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	EXPECT(poll(&entry, 1, 30) == 0);
	put(fds[1], "x");
	EXPECT(poll(&entry, 1, 10000) == 1 && (entry.revents & POLLIN));
	event(7);
	EXPECT(poll(&entry, 1, 30) == 0);
	/* Also what was ready before. */
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	EXPECT(poll(&entry, 1, 10000) == 1);
}

static void
a_kqueue_can_be_watched(void)
{
	int fds[2], inner = kq, outer = kqueue();

	EXPECT(outer >= 0);
	new_pipe(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	kq = outer;
	change(inner, EVFILT_READ, EV_ADD | EV_CLEAR, 8);
	silence();
	put(fds[1], "x");
	event(8);
	kq = inner;
	event(7);
	kq = outer;
	silence();
	put(fds[1], "x");
	event(8);
}

static void
a_kqueue_is_not_written(void)
{
	int outer = kqueue(), inner = kq;

	kq = outer;
	EXPECT(receipt(inner, EVFILT_WRITE, EV_ADD, 1) == EINVAL);
}

static void
a_kqueue_does_not_watch_itself(void)
{
	EXPECT(receipt(kq, EVFILT_READ, EV_ADD | EV_CLEAR, 1) != 0);
}

static void
a_child_inherits_none(void)
{
	struct kevent got;
	int fds[2], status;
	pid_t child;

	new_pipe(fds);
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	child = fork();
	EXPECT(child >= 0);
	if (child == 0)
		_exit(KEVENT(kq, NULL, 0, &got, 1, &at_once) == -1 &&
			    errno == EBADF
			? 0
			: 1);
	EXPECT(waitpid(child, &status, 0) == child);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	put(fds[1], "x");
	event(7);
}

/* EVFILT_USER. */

#ifdef EVFILT_USER

static int
user(uintptr_t ident, int flags, unsigned fflags, uintptr_t token)
{
	struct kevent one = change_of(0, EVFILT_READ, flags | EV_RECEIPT, token);
	struct kevent result;

	one.ident = ident;
	one.filter = EVFILT_USER;
	one.fflags = fflags;
	EXPECT(KEVENT(kq, &one, 1, &result, 1, NULL) == 1);
	EXPECT(result.flags & EV_ERROR);
	return (int)result.data;
}

static void
user_comes_when_triggered(void)
{
	EXPECT(user(1, 0, NOTE_TRIGGER, 7) == ENOENT);
	EXPECT(user(1, EV_ADD | EV_CLEAR, 0, 7) == 0);
	silence();
	for (int i = 0; i < 3; ++i) {
		struct kevent got;

		EXPECT(user(1, 0, NOTE_TRIGGER, 7) == 0);
		EXPECT(user(1, 0, NOTE_TRIGGER, 7) == 0);
		got = event(7);
		EXPECT(got.filter == EVFILT_USER && got.ident == 1);
		silence();
	}
	EXPECT(user(1, EV_DELETE, 0, 0) == 0);
	EXPECT(user(1, 0, NOTE_TRIGGER, 7) == ENOENT);
}

static void
user_stays_without_clear(void)
{
	EXPECT(user(1, EV_ADD, 0, 7) == 0);
	EXPECT(user(1, 0, NOTE_TRIGGER, 7) == 0);
	event(7);
	event(7);
	EXPECT(user(1, EV_CLEAR, 0, 7) == 0);
	silence();
}

/* filt_usertouch of FreeBSD, NetBSD and XNU: each change brings its own. */
static void
user_takes_udata_of_each_change(void)
{
	EXPECT(user(1, EV_ADD | EV_CLEAR, 0, 7) == 0);
	EXPECT(user(1, 0, NOTE_TRIGGER, 8) == 0);
	event(8);
}

static void
user_delete_takes_the_event(void)
{
	EXPECT(user(1, EV_ADD | EV_CLEAR, 0, 7) == 0);
	EXPECT(user(1, 0, NOTE_TRIGGER, 7) == 0);
	EXPECT(user(1, EV_DELETE, 0, 7) == 0);
	silence();
}

static void
user_idents_are_separate(void)
{
	EXPECT(user(UINTPTR_MAX, EV_ADD | EV_CLEAR, 0, 7) == 0);
	EXPECT(user(0, EV_ADD | EV_CLEAR, 0, 8) == 0);
	EXPECT(user(UINTPTR_MAX, 0, NOTE_TRIGGER, 7) == 0);
	EXPECT(event(7).ident == UINTPTR_MAX);
	silence();
}

static void *
trigger(void *ignored)
{
	nanosleep(&soon, NULL);
	user(1, 0, NOTE_TRIGGER, 7);
	return ignored;
}

static void
user_wakes_another_thread(void)
{
	pthread_t thread;

	EXPECT(user(1, EV_ADD | EV_CLEAR, 0, 7) == 0);
	EXPECT(pthread_create(&thread, NULL, trigger, NULL) == 0);
	event(7);
	EXPECT(pthread_join(thread, NULL) == 0);
}

#endif

/* The wait. */

static int thread_fds[2];

static void *
add_later(void *ignored)
{
	nanosleep(&soon, NULL);
	change(thread_fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	nanosleep(&soon, NULL);
	put(thread_fds[1], "y");
	return ignored;
}

static void
a_waiting_thread_sees_changes(void)
{
	pthread_t thread;

	new_pipe(thread_fds);
	put(thread_fds[1], "x");
	EXPECT(pthread_create(&thread, NULL, add_later, NULL) == 0);
	event(7);
	event(7);
	EXPECT(pthread_join(thread, NULL) == 0);
}

static void
on_signal(int number)
{
	(void)number;
}

static void
a_signal_ends_the_wait(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct itimerval timer = { { 0, 30000 }, { 0, 30000 } };
	struct itimerval none = { { 0, 0 }, { 0, 0 } };
	struct kevent got;

	EXPECT(sigaction(SIGALRM, &action, NULL) == 0);
	EXPECT(setitimer(ITIMER_REAL, &timer, NULL) == 0);
	EXPECT(KEVENT(kq, NULL, 0, &got, 1, &late) == -1 && errno == EINTR);
	EXPECT(KEVENT(kq, NULL, 0, &got, 1, NULL) == -1 && errno == EINTR);
	EXPECT(setitimer(ITIMER_REAL, &none, NULL) == 0);
}

static void
time_is_waited_out(void)
{
	const struct timespec wait = { 0, 60000000 };
	struct timespec begin, end;
	struct kevent got;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	EXPECT(KEVENT(kq, NULL, 0, &got, 1, &wait) == 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	EXPECT((end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec -
		begin.tv_nsec >=
	    50000000);
	EXPECT(KEVENT(kq, NULL, 0, &got, 1, &at_once) == 0);
}

static void
times_may_be_invalid(void)
{
	static const struct timespec invalid[] = { { -1, 0 }, { 0, -1 },
		{ 0, 1000000000 } };
	struct kevent got;

	for (size_t i = 0; i < LEN(invalid); ++i) {
		EXPECT(KEVENT(kq, NULL, 0, &got, 1, &invalid[i]) == -1);
		EXPECT(errno == EINVAL);
	}
}

static void
a_day_is_not_too_long(void)
{
	const struct timespec day = { 86400, 0 };
	struct kevent got;
	int fds[2];

	new_pipe(fds);
	put(fds[1], "x");
	change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR, 7);
	EXPECT(KEVENT(kq, NULL, 0, &got, 1, &day) == 1);
}

static void
no_room_is_no_wait(void)
{
	EXPECT(KEVENT(kq, NULL, 0, NULL, 0, &late) == 0);
	EXPECT(KEVENT(kq, NULL, 0, NULL, 0, NULL) == 0);
}

static void
descriptors_run_out(void)
{
	int fd;

	do
		fd = kqueue();
	while (fd >= 0);
	EXPECT(errno == EMFILE || errno == ENFILE || errno == ENOMEM);
}

/* Where each is said: kqueue(2) unless a kernel is named. */
#define FACT(name, where)                                                    \
	{                                                                    \
		#name, where, name                                           \
	}

static const struct fact {
	const char *name, *where;
	void (*run)(void);
} facts[] = {
	FACT(add_reports_what_is_ready, "filter is executed upon the initial"),
	FACT(add_again_reports_again, "FreeBSD and NetBSD: kqueue_register"),
	FACT(add_again_replaces, "EV_ADD"),
	FACT(add_again_leaves_clear_as_it_is,
	    "FreeBSD, NetBSD, OpenBSD and DragonFly: kqueue_register; XNU: "
	    "kevent_register"),
	FACT(delete_and_add_change_clear, "EV_DELETE, EV_ADD"),
	FACT(delete_silences, "EV_DELETE"),
	FACT(filters_are_separate, "identified by the (ident, filter) pair"),
	FACT(what_is_unknown_is_enoent, "ERRORS: ENOENT"),
	FACT(no_descriptor_is_ebadf, "ERRORS: EBADF"),
	FACT(deleting_no_descriptor_is_ebadf, "ERRORS: EBADF"),
	FACT(no_filter_is_einval, "ERRORS: EINVAL"),
	FACT(disabled_is_silent, "EV_DISABLE"),
	FACT(oneshot_comes_once, "EV_ONESHOT"),
	FACT(receipts_come_for_each_change, "EV_RECEIPT"),
	FACT(receipts_may_replace_the_changes, "the same array may be used"),
	FACT(receipts_without_room_end_it, "EV_RECEIPT"),
	FACT(errors_come_as_events, "RETURN VALUES"),
	FACT(errors_without_room_are_errno, "RETURN VALUES"),
	FACT(clear_reports_each_activity, "EV_CLEAR"),
	FACT(without_clear_it_is_a_level, "EV_CLEAR"),
	FACT(without_clear_there_is_room_as_long_as_there_is, "EV_CLEAR"),
	FACT(without_clear_an_end_stays, "EV_CLEAR, EV_EOF"),
	FACT(without_clear_they_take_turns, "FreeBSD: kqueue_scan"),
	FACT(what_is_over_is_not_reported, "filter is also run when"),
	FACT(activities_are_one_event, "do not result in multiple kevents"),
	FACT(write_comes_when_there_is_room, "EVFILT_WRITE"),
	FACT(what_finds_no_room_comes_next, "FreeBSD: kqueue_scan"),
	FACT(a_file_has_data_to_its_end, "EVFILT_READ: vnodes"),
	FACT(a_listener_has_connections, "EVFILT_READ: listen"),
	FACT(a_peers_end_is_eof, "EVFILT_READ: sockets"),
	FACT(own_end_is_eof_of_write, "FreeBSD and NetBSD: filt_sowrite"),
	FACT(a_reset_is_eof_with_an_error, "EVFILT_READ: sockets"),
	FACT(a_refusal_is_eof_with_an_error, "EVFILT_READ: sockets"),
	FACT(the_error_is_left_to_fetch, "FreeBSD and NetBSD: filt_soread"),
	FACT(unconnected_is_silent, "FreeBSD and NetBSD: filt_sowrite"),
	FACT(a_refused_datagram_is_no_end, "FreeBSD, NetBSD: filt_soread"),
	FACT(a_pipes_last_writer_is_eof, "EVFILT_READ: pipes"),
	FACT(a_pipes_reader_is_eof, "EVFILT_WRITE"),
	FACT(a_pipes_end_is_no_error, "FreeBSD and NetBSD: filt_pipewrite"),
	FACT(a_pipe_without_reader_is_refused, "pipe_kqfilter"),
	FACT(close_removes, "close removes any kevents that reference it"),
	FACT(close_removes_for_a_number_used_again, "the same"),
	FACT(close_removes_that_number_alone, "FreeBSD: knote_fdclose"),
	FACT(copies_have_kevents_of_their_own, "FreeBSD: kqueue_register"),
	FACT(a_kqueue_can_be_copied, "dup(2)"),
	FACT(a_kqueue_is_readable_with_events, "FreeBSD: kqueue_poll"),
	FACT(a_kqueue_can_be_watched, "FreeBSD: filt_kqueue"),
	FACT(a_kqueue_is_not_written, "FreeBSD and NetBSD: kqueue_kqfilter"),
	FACT(a_kqueue_does_not_watch_itself, "FreeBSD: kqueue_register"),
	FACT(a_child_inherits_none, "not inherited by a child"),
#ifdef EVFILT_USER
	FACT(user_comes_when_triggered, "EVFILT_USER"),
	FACT(user_stays_without_clear, "EVFILT_USER"),
	FACT(user_takes_udata_of_each_change, "filt_usertouch"),
	FACT(user_delete_takes_the_event, "EV_DELETE"),
	FACT(user_idents_are_separate, "EVFILT_USER"),
	FACT(user_wakes_another_thread, "EVFILT_USER"),
#endif
	FACT(a_waiting_thread_sees_changes, "EV_ADD"),
	FACT(a_signal_ends_the_wait, "ERRORS: EINTR"),
	FACT(time_is_waited_out, "timeout"),
	FACT(times_may_be_invalid, "ERRORS: EINVAL"),
	FACT(a_day_is_not_too_long, "OpenBSD's BUGS: more is cut short"),
	FACT(no_room_is_no_wait, "when nevents is zero"),
	FACT(descriptors_run_out, "ERRORS: EMFILE"),
};

/* What libkqueue 2.7.0 is known to do otherwise: it is not the kernel's. */
static const struct {
	const char *fact, *reason;
} defects[] = {
#ifdef HAVE_LIBKQUEUE
	{ "add_again_reports_again",
	    "a repeated EV_ADD does not look at what is ready" },
	{ "filters_are_separate",
	    "a change of one filter reports the other's readiness again" },
	{ "no_descriptor_is_ebadf", "no kqueue is ENOENT" },
	{ "deleting_no_descriptor_is_ebadf", "it looks for the kevent first" },
	{ "receipts_come_for_each_change", "events come along with the receipts" },
	{ "receipts_without_room_end_it", "no room is EFAULT" },
	{ "errors_come_as_events", "errors without EV_RECEIPT are lost" },
	{ "a_listener_has_connections", "it does not count them" },
	{ "own_end_is_eof_of_write", "a local shutdown is not seen" },
	{ "a_reset_is_eof_with_an_error",
	    "the first filter takes SO_ERROR, the other has none" },
	{ "a_refusal_is_eof_with_an_error",
	    "the first filter takes SO_ERROR, the other has none" },
	{ "the_error_is_left_to_fetch", "it takes SO_ERROR for itself" },
	{ "unconnected_is_silent", "it reports what Linux calls a hang-up" },
	{ "a_refused_datagram_is_no_end", "any error is an end" },
	{ "a_pipes_reader_is_eof", "close(2) leaves kevents behind" },
	{ "a_pipes_end_is_no_error", "the end of a pipe has fflags" },
	{ "close_removes_for_a_number_used_again",
	    "close(2) leaves kevents behind" },
	{ "close_removes_that_number_alone",
	    "close(2) leaves kevents behind" },
	{ "a_kqueue_can_be_copied", "a copy is not taken for a kqueue" },
	{ "a_kqueue_is_readable_with_events",
	    "its descriptor is not readable with events" },
	{ "a_kqueue_can_be_watched",
	    "its descriptor is not readable with events" },
	{ "a_kqueue_is_not_written", "it takes what the kernel refuses" },
	{ "a_kqueue_does_not_watch_itself",
	    "it takes what the kernel refuses" },
	{ "user_stays_without_clear", "EV_CLEAR later does not clear" },
	{ "times_may_be_invalid", "it waits for ever" },
#endif
	{ NULL, NULL },
};

static const char *
defect(const char *fact)
{
	for (size_t i = 0; i < LEN(defects); ++i)
		if (defects[i].fact != NULL &&
		    strcmp(defects[i].fact, fact) == 0)
			return defects[i].reason;
	return NULL;
}

static bool
holds(const struct fact *fact)
{
	int status;
	pid_t child = fork();

	if (child < 0) {
		perror("fork");
		exit(99);
	}
	if (child == 0) {
		alarm(30);
		kq = kqueue();
		EXPECT(kq >= 0);
		fact->run();
		_exit(0);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0;
}

int
main(int argc, char **argv)
{
	int passed = 0, failed = 0, known = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < LEN(facts); ++i) {
		const char *reason = defect(facts[i].name);

		if (argc > 1 && strcmp(argv[1], facts[i].name) != 0)
			continue;
		if (holds(&facts[i])) {
			++passed;
			if (reason != NULL)
				printf("%s: holds now, though %s\n",
				    facts[i].name, reason);
		} else if (reason != NULL) {
			++known;
			printf("known: %s: %s\n", facts[i].name, reason);
		} else {
			++failed;
			printf("FAILED: %s (%s)\n", facts[i].name,
			    facts[i].where);
		}
	}
	printf("kqueue: %d facts hold, %d fail, %d are known not to\n", passed,
	    failed, known);
	return failed > 0 || passed == 0;
}
