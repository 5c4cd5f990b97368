/* SPDX-License-Identifier: MIT */
/*
 * What BSD's kernels do otherwise than Linux with sockets, pipes, addresses
 * and poll(2), on Linux, for tests alone: as ../../facts tells of real ones.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#ifndef MODEL_BSD
static const struct kernel plain = {
	.name = "plain",
	.no_reader = EPIPE,
	.accept_dgram = EOPNOTSUPP,
	.v6only_of_v4 = ENOPROTOOPT,
};

#else
static const struct kernel kernels[] = {
	{
	    .name = "freebsd",
	    .end_is_oneshot = true,
	    .no_reader = EPIPE,
	    .two_way = true,
	    .cuts_lengths = true,
	    .pads_unnamed = true,
	    .hangs_up = true,
	    .has_files = true,
	    .resets_close = true,
	    .accept_dgram = EINVAL,
	    .v6only_of_v4 = EINVAL,
	},
	{
	    .name = "netbsd",
	    .keeps_add = true,
	    .takes_itself = true,
	    .full_is_deaf = true,
	    .no_reader = EBADF,
	    .cuts_lengths = true,
	    .pipe_is_out = true,
	    .accept_dgram = EOPNOTSUPP,
	    .v6only_of_v4 = ENOPROTOOPT,
	    .tick = 10000000,
	},
	{
	    .name = "openbsd",
	    .lacks_user = true,
	    .keeps_add = true,
	    .takes_itself = true,
	    .full_is_deaf = true,
	    .no_reader = EPIPE,
	    .two_way = true,
	    .pads_names = true,
	    .pads_unnamed = true,
	    .hangs_up = true,
	    .accept_dgram = EINVAL,
	    .v6only_of_v4 = EINVAL,
	    .always_v6only = true,
	    .tick = 10000000,
	},
};
#endif

const struct kernel *
model_kernel(void)
{
#ifdef MODEL_BSD
	static _Atomic(const struct kernel *) chosen;
	const struct kernel *kernel = atomic_load(&chosen);
	const char *name;

	if (kernel != NULL)
		return kernel;
	name = getenv("MODEL_KERNEL");
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
		if (name == NULL || strcmp(kernels[i].name, name) == 0) {
			atomic_store(&chosen, &kernels[i]);
			return &kernels[i];
		}
	abort();
#else
	return &plain;
#endif
}

/*
 * Pipes that are sockets are known by their inodes: a set, from which nothing
 * is taken, as the kernel gives numbers to sockets in turn.
 */
enum { INODES = 1 << 16 };
static _Atomic ino_t inodes[INODES];
static atomic_bool full[INODES];

static size_t
inode(ino_t ino)
{
	size_t at = ino * 0x9e3779b1u % INODES;
	ino_t there;

	while ((there = atomic_load(&inodes[at])) != 0 && there != ino)
		at = (at + 1) % INODES;
	return at;
}

bool
model_is_pipe(const struct stat *st)
{
	return model_kernel()->two_way && S_ISSOCK(st->st_mode) &&
	    atomic_load(&inodes[inode(st->st_ino)]) != 0;
}

bool
model_was_full(const struct stat *st)
{
	return atomic_load(&full[inode(st->st_ino)]);
}

void
model_has_room(const struct stat *st)
{
	atomic_store(&full[inode(st->st_ino)], false);
}

static void
note_pipe(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0)
		atomic_store(&inodes[inode(st.st_ino)], st.st_ino);
}

int bsd_accept(int, struct sockaddr *, socklen_t *);
int bsd_accept4(int, struct sockaddr *, socklen_t *, int);
int bsd_close(int);
int bsd_connect(int, const struct sockaddr *, socklen_t);
int bsd_fstat(int, struct stat *);
int bsd_getpeername(int, struct sockaddr *, socklen_t *);
int bsd_getsockname(int, struct sockaddr *, socklen_t *);
int bsd_getsockopt(int, int, int, void *, socklen_t *);
int bsd_pipe(int[2]);
int bsd_pipe2(int[2], int);
int bsd_poll(struct pollfd *, nfds_t, int);
int bsd_ppoll(struct pollfd *, nfds_t, const struct timespec *,
    const sigset_t *);
ssize_t bsd_recv(int, void *, size_t, int);
ssize_t bsd_recvfrom(
    int, void *, size_t, int, struct sockaddr *, socklen_t *);
ssize_t bsd_recvmsg(int, struct msghdr *, int);
ssize_t bsd_send(int, const void *, size_t, int);
ssize_t bsd_sendmsg(int, const struct msghdr *, int);
ssize_t bsd_sendto(
    int, const void *, size_t, int, const struct sockaddr *, socklen_t);
int bsd_setsockopt(int, int, int, const void *, socklen_t);
int bsd_shutdown(int, int);
ssize_t bsd_write(int, const void *, size_t);

static int
option(int fd, int level, int name)
{
	int error = errno, value = -1;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, level, name, &value, &len) < 0)
		value = -1;
	errno = error;
	return value;
}

static bool
is_pipe(int fd)
{
	int error = errno;
	struct stat st;
	bool is = fstat(fd, &st) == 0 && model_is_pipe(&st);

	errno = error;
	return is;
}

static int
type_of(int fd)
{
	return is_pipe(fd) ? -1 : option(fd, SOL_SOCKET, SO_TYPE);
}

static int
family_of(int fd)
{
	return option(fd, SOL_SOCKET, SO_DOMAIN);
}

static int
fail(int error)
{
	errno = error;
	return -1;
}

/* All that there is to say of it now. */
static short
flags_of(int fd)
{
	struct pollfd entry = { fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP,
		0 };
	struct timespec zero = { 0, 0 };
	int error = errno;

	if (ppoll(&entry, 1, &zero, NULL) < 0)
		entry.revents = 0;
	errno = error;
	return entry.revents;
}

static bool
is_stream(int fd)
{
	int type = type_of(fd);

	return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

/* Neither connected nor listening, nor was it ever. */
static bool
is_fresh(int fd)
{
	short now = flags_of(fd);

	return is_stream(fd) && (now & POLLHUP) &&
	    (now & (POLLRDHUP | POLLERR)) == 0;
}

/* Addresses. */

struct address {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* As the kernel has it, in full. */
static void
shape(struct address *address)
{
	const struct kernel *kernel = model_kernel();
	const socklen_t path = offsetof(struct sockaddr_un, sun_path);

	if (address->addr.ss_family != AF_UNIX)
		return;
	if (address->len > path && kernel->pads_names) {
		memset((char *)&address->addr + address->len, 0,
		    sizeof(address->addr) - address->len);
		if (address->len < 106)
			address->len = 106;
	} else if (address->len <= path && kernel->pads_unnamed) {
		memset((char *)&address->addr + path, 0,
		    sizeof(address->addr) - path);
		address->len = 16;
	}
}

static void
hand_out(struct address *address, struct sockaddr *addr, socklen_t *len)
{
	socklen_t room = *len;

	shape(address);
	*len = address->len;
	memcpy(addr, &address->addr, room < *len ? room : *len);
	if (model_kernel()->cuts_lengths && room < *len)
		*len = room;
}

int
bsd_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct address peer = { .len = sizeof(peer.addr) };
	int stream;

	if (is_pipe(fd))
		return fail(ENOTSOCK);
	if (type_of(fd) == SOCK_DGRAM)
		return fail(model_kernel()->accept_dgram);
	stream = accept4(fd, (struct sockaddr *)&peer.addr, &peer.len, flags);
	if (stream >= 0 && addr != NULL)
		hand_out(&peer, addr, len);
	return stream;
}

int
bsd_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return bsd_accept4(fd, addr, len, 0);
}

typedef int name_call(int, struct sockaddr *, socklen_t *);

static int
ask(name_call *call, int fd, struct sockaddr *addr, socklen_t *len)
{
	struct address found = { .len = sizeof(found.addr) };

	if (is_pipe(fd))
		return fail(ENOTSOCK);
	if (call(fd, (struct sockaddr *)&found.addr, &found.len) < 0)
		return -1;
	hand_out(&found, addr, len);
	return 0;
}

int
bsd_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return ask(getpeername, fd, addr, len);
}

int
bsd_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return ask(getsockname, fd, addr, len);
}

/* Linux says nothing of a datagram's sender that has no name. */
static void
name_sender(int fd, struct address *sender)
{
	if (sender->len == 0 && family_of(fd) == AF_UNIX &&
	    type_of(fd) == SOCK_DGRAM) {
		sender->addr.ss_family = AF_UNIX;
		sender->len = offsetof(struct sockaddr_un, sun_path);
	}
}

ssize_t
bsd_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *addr,
    socklen_t *len)
{
	struct address sender = { .len = sizeof(sender.addr) };
	ssize_t n;

	if (is_pipe(fd))
		return fail(ENOTSOCK);
	n = recvfrom(fd, buf, size, flags, (struct sockaddr *)&sender.addr,
	    &sender.len);
	/* Shut for reading, a datagram socket is at its end. */
	if (n < 0 && errno == EAGAIN && (flags_of(fd) & POLLRDHUP))
		return 0;
	if (n >= 0 && addr != NULL) {
		name_sender(fd, &sender);
		hand_out(&sender, addr, len);
	}
	return n;
}

ssize_t
bsd_recv(int fd, void *buf, size_t size, int flags)
{
	return bsd_recvfrom(fd, buf, size, flags, NULL, NULL);
}

ssize_t
bsd_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct address sender = { .len = sizeof(sender.addr) };
	struct msghdr own = *msg;
	ssize_t n;

	if (msg->msg_name == NULL)
		return recvmsg(fd, msg, flags);
	own.msg_name = &sender.addr;
	own.msg_namelen = sender.len;
	n = recvmsg(fd, &own, flags);
	if (n < 0)
		return n;
	msg->msg_flags = own.msg_flags;
	msg->msg_controllen = own.msg_controllen;
	sender.len = own.msg_namelen;
	name_sender(fd, &sender);
	hand_out(&sender, msg->msg_name, &msg->msg_namelen);
	return n;
}

/* Sending. */

/* What is to be said before the kernel is asked; 0: nothing. */
static int
cannot_send(int fd, bool has_addr)
{
	struct address peer = { .len = sizeof(peer.addr) };
	int error = errno;
	bool connected = has_addr && type_of(fd) == SOCK_DGRAM &&
	    getpeername(fd, (struct sockaddr *)&peer.addr, &peer.len) == 0;

	errno = error;
	if (is_pipe(fd))
		return ENOTSOCK;
	if (connected)
		return EISCONN;
	return is_fresh(fd) ? ENOTCONN : 0;
}

static ssize_t
sent(int fd, ssize_t n)
{
	if (n < 0 && errno == EAGAIN && family_of(fd) == AF_UNIX &&
	    type_of(fd) == SOCK_DGRAM)
		errno = ENOBUFS;
	return n;
}

ssize_t
bsd_send(int fd, const void *buf, size_t size, int flags)
{
	int error = cannot_send(fd, false);

	if (error != 0)
		return fail(error);
	return sent(fd, send(fd, buf, size, flags));
}

ssize_t
bsd_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	int error = cannot_send(fd, msg->msg_name != NULL);

	if (error != 0)
		return fail(error);
	return sent(fd, sendmsg(fd, msg, flags));
}

ssize_t
bsd_sendto(int fd, const void *buf, size_t size, int flags,
    const struct sockaddr *addr, socklen_t len)
{
	int error = cannot_send(fd, addr != NULL);

	if (error != 0)
		return fail(error);
	return sent(fd, sendto(fd, buf, size, flags, addr, len));
}

ssize_t
bsd_write(int fd, const void *buf, size_t size)
{
	ssize_t n = write(fd, buf, size);
	int error = errno;
	struct stat st;

	if (fstat(fd, &st) == 0 && model_is_pipe(&st))
		atomic_store(&full[inode(st.st_ino)], n < (ssize_t)size);
	errno = error;
	return n;
}

/* Options. */

int
bsd_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	if (is_pipe(fd))
		return fail(ENOTSOCK);
	if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY &&
	    family_of(fd) == AF_INET)
		return fail(model_kernel()->v6only_of_v4);
	if (getsockopt(fd, level, name, value, len) < 0)
		return -1;
	if (level == IPPROTO_IPV6 && name == IPV6_UNICAST_HOPS &&
	    *(int *)value == 64)
		*(int *)value = -1; /* until it is set */
	if (level == IPPROTO_TCP && name == TCP_INFO &&
	    *(uint8_t *)value == TCP_CLOSE)
		*(uint8_t *)value = 0; /* TCPS_CLOSED; tcpi_state is first */
	return 0;
}

int
bsd_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (is_pipe(fd))
		return fail(ENOTSOCK);
	if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY) {
		if (family_of(fd) == AF_INET)
			return fail(model_kernel()->v6only_of_v4);
		if (model_kernel()->always_v6only && *(const int *)value == 0)
			return fail(EINVAL);
	}
	return setsockopt(fd, level, name, value, len);
}

/* Descriptors. */

int
bsd_shutdown(int fd, int how)
{
	return is_pipe(fd) ? fail(ENOTSOCK) : shutdown(fd, how);
}

int
bsd_pipe2(int fds[2], int flags)
{
	int made;

	if (!model_kernel()->two_way)
		return pipe2(fds, flags);
	made = socketpair(AF_UNIX,
	    SOCK_STREAM | (flags & O_CLOEXEC ? SOCK_CLOEXEC : 0) |
		(flags & O_NONBLOCK ? SOCK_NONBLOCK : 0),
	    0, fds);
	if (made == 0) {
		note_pipe(fds[0]);
		note_pipe(fds[1]);
	}
	return made;
}

int
bsd_pipe(int fds[2])
{
	return bsd_pipe2(fds, 0);
}

int
bsd_fstat(int fd, struct stat *st)
{
	static atomic_bool asked;
	const struct kernel *kernel = model_kernel();

	if (fstat(fd, st) < 0)
		return -1;
	if (model_is_pipe(st)) {
		st->st_mode = (st->st_mode & ~(mode_t)S_IFMT) | S_IFIFO;
	} else if (S_ISSOCK(st->st_mode)) {
		st->st_dev = family_of(fd) == AF_UNIX ? (dev_t)-1 : 0;
		if (family_of(fd) != AF_UNIX)
			st->st_ino = 0;
		else if (!kernel->has_files && !atomic_exchange(&asked, true))
			st->st_ino = 0; /* the first, the first time */
	}
	if (S_ISFIFO(st->st_mode) && !kernel->has_files)
		st->st_dev = st->st_ino = 0;
	return 0;
}

int
bsd_close(int fd)
{
	bool reset = model_kernel()->resets_close &&
	    family_of(fd) != AF_UNIX && is_stream(fd) &&
	    option(fd, SOL_SOCKET, SO_ERROR) == ECONNRESET;

	if (close(fd) < 0)
		return -1;
	return reset ? fail(ECONNRESET) : 0;
}

/* What fails at once may do so before the call is back: now and then. */
int
bsd_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	static atomic_uint calls;
	int result = connect(fd, addr, len);

	if (result < 0 && errno == EINPROGRESS && model_kernel()->two_way &&
	    model_kernel()->cuts_lengths &&
	    atomic_fetch_add(&calls, 1) % 2 == 1 &&
	    (flags_of(fd) & POLLERR))
		return fail(option(fd, SOL_SOCKET, SO_ERROR));
	return result;
}

/* poll(2). */

/* Of a pipe, or of the sockets that are one. */
static short
pipe_flags(int fd, short now)
{
	bool sockets = option(fd, SOL_SOCKET, SO_TYPE) >= 0;
	bool ended = sockets ? now & POLLHUP : now & (POLLHUP | POLLERR);
	bool writes = !sockets && (now & (POLLERR | POLLOUT));
	short flags = now & (POLLIN | POLLOUT);

	if (!ended)
		return flags;
	if (writes)
		return model_kernel()->pipe_is_out ? POLLOUT | POLLHUP
						   : POLLHUP;
	return POLLIN | POLLHUP;
}

static short
socket_flags(int fd, short now)
{
	short flags = now & (POLLIN | POLLOUT | POLLPRI);
	bool ended;

	if (is_fresh(fd))
		return 0;
	if (!is_stream(fd))
		ended = (now & POLLHUP) != 0;
	else
		ended = (now & (POLLHUP | POLLERR)) != 0;
	if (now & (POLLRDHUP | POLLERR))
		flags |= POLLIN;
	if (now & (POLLERR | POLLHUP))
		flags |= POLLIN | POLLOUT;
	if (ended && model_kernel()->hangs_up)
		flags = POLLIN | POLLHUP;
	return flags;
}

static short
translated(const struct pollfd *entry)
{
	struct stat st;
	short now, flags;

	if ((entry->revents & POLLNVAL) || fstat(entry->fd, &st) < 0)
		return entry->revents;
	now = flags_of(entry->fd);
	if (S_ISFIFO(st.st_mode) || model_is_pipe(&st))
		flags = pipe_flags(entry->fd, now);
	else if (S_ISSOCK(st.st_mode))
		flags = socket_flags(entry->fd, now);
	else
		return entry->revents;
	return flags & (entry->events | POLLHUP);
}

/* One look; what only Linux reports is passed over, and noted in `quiet`. */
static int
look(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
    const sigset_t *mask, bool *quiet)
{
	int found = ppoll(fds, n, timeout, mask);

	*quiet = false;
	for (nfds_t i = 0; found > 0 && i < n; i++) {
		if (fds[i].fd < 0 || fds[i].revents == 0)
			continue;
		fds[i].revents = translated(&fds[i]);
		if (fds[i].revents == 0) {
			found--;
			*quiet = true;
		}
	}
	return found;
}

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* While something is passed over, a look every millisecond. */
int
bsd_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
    const sigset_t *mask)
{
	int64_t deadline = 0;

	if (timeout != NULL)
		deadline = now_ns() + (int64_t)timeout->tv_sec * 1000000000 +
		    timeout->tv_nsec;
	for (;;) {
		struct timespec rest = { 0, 0 };
		struct timespec little = { 0, 1000000 };
		int64_t left = timeout != NULL ? deadline - now_ns() : 0;
		bool quiet;
		int found;

		if (left > 0) {
			rest.tv_sec = (time_t)(left / 1000000000);
			rest.tv_nsec = (long)(left % 1000000000);
		}
		found = look(
		    fds, n, timeout != NULL ? &rest : NULL, mask, &quiet);
		if (found != 0 || !quiet || (timeout != NULL && left <= 0))
			return found;
		if (ppoll(NULL, 0, &little, mask) < 0)
			return -1;
	}
}

int
bsd_poll(struct pollfd *fds, nfds_t n, int ms)
{
	struct timespec timeout = { ms / 1000, ms % 1000 * 1000000L };

	return bsd_ppoll(fds, n, ms < 0 ? NULL : &timeout, NULL);
}
