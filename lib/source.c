/* SPDX-License-Identifier: MIT */
/* The source: its descriptor, and I/O that tells a selector what it said. */

#include "config.h"
#include "source.h"

#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/sys.h"

_Static_assert(MIO__IOV_MAX <= USHRT_MAX, "writev_socket relies on it");

int
mio__family(const void *addr, socklen_t addrlen)
{
	size_t offset = offsetof(struct sockaddr, sa_family);
	sa_family_t family;

	if (addr == NULL || (size_t)addrlen < offset + sizeof(family))
		return mio__fail(EINVAL);
	memcpy(&family, (const char *)addr + offset, sizeof(family));
	return family;
}

int
mio__inet_family(const struct sockaddr *addr, socklen_t addrlen)
{
	int family = mio__family(addr, addrlen);
	size_t size = family == AF_INET ? sizeof(struct sockaddr_in)
					: sizeof(struct sockaddr_in6);

	if (family < 0)
		return -1;
	if (family != AF_INET && family != AF_INET6)
		return mio__fail(EAFNOSUPPORT);
	return (size_t)addrlen == size ? family : mio__fail(EINVAL);
}

int
mio__start_to_connect(int fd, const struct sockaddr *addr, socklen_t addrlen)
{
	if (connect(fd, addr, addrlen) == 0)
		return 0;
	/* Interrupted, it goes on by itself as well. */
	return errno == EINPROGRESS || errno == EINTR ? 0 : -1;
}

uint32_t
mio__socket_kind(int family, int type)
{
	uint32_t kind = MIO__KIND_MADE | (uint32_t)family;

	if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
		return kind | MIO__KIND_DATAGRAM;
	return family == AF_INET || family == AF_INET6
	    ? kind | MIO__KIND_STREAM
	    : kind;
}

int
mio__source_socket(struct mio_source *source, int family, int type,
    mio__prepare *prepare, const struct sockaddr *addr, socklen_t addrlen)
{
	struct mio_source made = MIO_SOURCE_INIT;

	if (source == NULL)
		return mio__fail(EINVAL);
	made.kind = mio__socket_kind(family, type);
	made.handle = mio__sys_socket(family, type);
	if (made.handle < 0)
		return -1;
	if (prepare != NULL && prepare(made.handle, addr, addrlen) < 0) {
		mio__sys_close(made.handle);
		return -1;
	}
	*source = made;
	return 0;
}

/* Of one that was never filled, perhaps with zeros, none. */
static inline mio_handle
handle_of(const struct mio_source *source)
{
	return source->kind != 0 ? source->handle : MIO_INVALID_HANDLE;
}

int
mio__option(const struct mio_source *source, int level, int name, int *value)
{
	socklen_t len = sizeof(*value);

	if (source == NULL || value == NULL)
		return mio__fail(EINVAL);
	return getsockopt(handle_of(source), level, name, value, &len);
}

int
mio__option_bool(
    const struct mio_source *source, int level, int name, bool *on)
{
	int value = 0;

	if (on == NULL)
		return mio__fail(EINVAL);
	if (mio__option(source, level, name, &value) < 0)
		return -1;
	*on = value != 0;
	return 0;
}

int
mio__set_option(
    const struct mio_source *source, int level, int name, int value)
{
	if (source == NULL)
		return mio__fail(EINVAL);
	return setsockopt(
	    handle_of(source), level, name, &value, sizeof(value));
}

int
mio_source_from_fd(struct mio_source *source, mio_handle fd)
{
	struct mio_source made = MIO_SOURCE_INIT;
	int family, type;

	if (source == NULL)
		return mio__fail(EINVAL);
	if (mio__sys_adopt(fd) < 0)
		return -1;
	made.handle = fd;
	made.kind = mio__sys_is_socket(fd, &family, &type)
	    ? mio__socket_kind(family, type)
	    : MIO__KIND_MADE | mio__sys_pipe_kind(fd);
	*source = made;
	return 0;
}

static void
empty(struct mio_source *source)
{
	struct mio_source none = MIO_SOURCE_INIT;

	*source = none;
}

mio_handle
mio_source_into_fd(struct mio_source *source)
{
	struct mio_registry *registry;
	mio_handle fd;

	if (source == NULL)
		return mio__fail(EINVAL);
	fd = handle_of(source);
	if (fd < 0)
		return mio__fail(EBADF);
	registry = source->priv[0];
	if (registry != NULL) {
		if (mio__registry_hold(registry)) {
			mio__registry_drop(registry, fd);
			mio_registry_unref(registry);
		}
		mio__registry_release(registry);
	}
	empty(source);
	return fd;
}

mio_handle
mio_source_handle(const struct mio_source *source)
{
	return source != NULL ? handle_of(source) : MIO_INVALID_HANDLE;
}

int
mio_source_close(struct mio_source *source)
{
	struct mio_registry *registry;
	int result;

	if (source == NULL)
		return mio__fail(EINVAL);
	if (source->kind == 0)
		return mio__fail(EBADF);
	registry = source->priv[0];
	if (registry != NULL && registry->ops.closing != NULL)
		registry->ops.closing(registry, source->handle);
	result = close(source->handle);
	if (registry != NULL)
		mio__registry_release(registry);
	empty(source);
	/* Interrupted, or reset (FreeBSD), or not: the descriptor is gone. */
	if (result < 0 && (errno == EINTR || errno == ECONNRESET))
		return 0;
	return result;
}

/* Tells a selector that has to know; errno stays as it is. */
static void
rearm(const struct mio_source *source, unsigned directions)
{
	struct mio_registry *registry = source->priv[0];
	int error = errno;

	if (registry == NULL || registry->ops.rearm == NULL)
		return;
	registry->ops.rearm(registry, source->handle, directions);
	errno = error;
}

/*
 * An error was consumed, after which there may be another, or none.  What
 * waits behind a datagram socket's has perhaps been reported with it, and
 * who stops at an error has not read it.
 */
static void
consumed(const struct mio_source *source)
{
	rearm(source, source->kind & MIO__KIND_DATAGRAM ? MIO_READABLE : 0);
}

/* The call failed: perhaps because it would have blocked. */
static MIO__COLD void
failed(const struct mio_source *source, unsigned directions)
{
#if EAGAIN != EWOULDBLOCK
	if (errno == EWOULDBLOCK)
		errno = EAGAIN;
#endif
	if (errno == EAGAIN)
		rearm(source, directions);
	else if (errno == EINVAL && (source->kind & MIO__KIND_DATAGRAM) == 0)
		rearm(source, MIO_PRIORITY); /* there is no urgent byte */
	else if (errno != EINTR)
		consumed(source);
}

static inline ssize_t
done(const struct mio_source *source, unsigned direction, ssize_t n)
{
	if (n < 0)
		failed(source, direction);
	return n;
}

static inline bool
is_socket(const struct mio_source *source)
{
	return MIO__FAMILY(source->kind) != AF_UNSPEC;
}

/* The selector need not hear of what the call returned, but for a failure. */
static inline bool
is_direct(const struct mio_source *source)
{
	return (source->kind & MIO__KIND_DIRECT) != 0;
}

/* As done; and a stream that moves less than asked would say EAGAIN next. */
static ssize_t
moved(const struct mio_source *source, unsigned direction, ssize_t n,
    size_t asked)
{
	if (n > 0 && (size_t)n < asked && source->kind & MIO__KIND_STREAM)
		rearm(source, direction);
	return done(source, direction, n);
}

static size_t
total(const struct iovec *iov, int iovcnt)
{
	size_t len = 0;

	for (int i = 0; i < iovcnt; i++)
		len += iov[i].iov_len;
	return len;
}

/* The calls on what is not direct, which may be no open source at all. */
static MIO__NOINLINE ssize_t
read_and_tell(const struct mio_source *source, void *buf, size_t len)
{
	return moved(
	    source, MIO_READABLE, read(handle_of(source), buf, len), len);
}

static MIO__NOINLINE ssize_t
readv_and_tell(
    const struct mio_source *source, const struct iovec *iov, int iovcnt)
{
	ssize_t n = readv(handle_of(source), iov, iovcnt);

	return moved(
	    source, MIO_READABLE, n, n > 0 ? total(iov, iovcnt) : 0);
}

static MIO__NOINLINE ssize_t
recv_and_tell(
    const struct mio_source *source, void *buf, size_t len, int flags)
{
	ssize_t n = recv(handle_of(source), buf, len, flags);

	return moved(source, MIO_READABLE, n, flags == 0 ? len : 0);
}

static MIO__NOINLINE ssize_t
send_and_tell(
    const struct mio_source *source, const void *buf, size_t len, int flags)
{
	ssize_t n = send(handle_of(source), buf, len, flags | MIO__NOSIGNAL);

	return moved(source, MIO_WRITABLE, n, len);
}

ssize_t
mio_source_read(const struct mio_source *source, void *buf, size_t len)
{
	if (source == NULL)
		return mio__fail(EINVAL);
	if (!is_direct(source))
		return read_and_tell(source, buf, len);
	return done(source, MIO_READABLE, read(source->handle, buf, len));
}

ssize_t
mio_source_readv(
    const struct mio_source *source, const struct iovec *iov, int iovcnt)
{
	if (source == NULL)
		return mio__fail(EINVAL);
	if (!is_direct(source))
		return readv_and_tell(source, iov, iovcnt);
	return done(source, MIO_READABLE, readv(source->handle, iov, iovcnt));
}

static ssize_t
write_file(const struct mio_source *source, const void *buf, size_t len)
{
	/* The cast drops const; writing only reads. */
	struct iovec iov = { (void *)(uintptr_t)buf, len };

	if (source->kind & MIO__KIND_QUIET_PIPE)
		return mio__sys_writev_quiet(source->handle, &iov, 1);
	return write(handle_of(source), buf, len);
}

ssize_t
mio_source_write(const struct mio_source *source, const void *buf, size_t len)
{
	if (source == NULL)
		return mio__fail(EINVAL);
	if (!is_socket(source))
		return done(
		    source, MIO_WRITABLE, write_file(source, buf, len));
	if (!is_direct(source))
		return send_and_tell(source, buf, len, 0);
	return done(source, MIO_WRITABLE,
	    send(source->handle, buf, len, MIO__NOSIGNAL));
}

/* writev(2) on a socket, which has no flag against SIGPIPE. */
static inline ssize_t
writev_socket(
    const struct mio_source *source, const struct iovec *iov, int iovcnt)
{
	struct msghdr msg;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = (struct iovec *)(uintptr_t)iov;
	/* An int or a size_t, as the libc has it. */
	msg.msg_iovlen = (unsigned short)iovcnt;
	return sendmsg(source->handle, &msg, MIO__NOSIGNAL);
}

/*
 * Of nothing: sendmsg(2) would make an empty datagram of it, or say EPIPE;
 * writev(2) does what it does.
 */
static MIO__NOINLINE ssize_t
writev_and_tell(
    const struct mio_source *source, const struct iovec *iov, int iovcnt)
{
	size_t len = iov != NULL ? total(iov, iovcnt) : 0;
	ssize_t n;

	if (len == 0)
		n = mio__sys_writev_nothing(source->handle, iov, iovcnt);
	else
		n = writev_socket(source, iov, iovcnt);
	return moved(source, MIO_WRITABLE, n, len);
}

ssize_t
mio_source_writev(
    const struct mio_source *source, const struct iovec *iov, int iovcnt)
{
	ssize_t n;

	if (source == NULL || iovcnt < 0 || iovcnt > MIO__IOV_MAX)
		return mio__fail(EINVAL);
	if (is_socket(source)) {
		if ((source->kind & (MIO__KIND_DIRECT | MIO__KIND_DATAGRAM)) !=
		    MIO__KIND_DIRECT)
			return writev_and_tell(source, iov, iovcnt);
		n = writev_socket(source, iov, iovcnt);
		if (n < 0 && errno != EFAULT && total(iov, iovcnt) == 0)
			return writev_and_tell(source, iov, iovcnt);
	} else if (source->kind & MIO__KIND_QUIET_PIPE) {
		n = mio__sys_writev_quiet(source->handle, iov, iovcnt);
	} else {
		n = writev(handle_of(source), iov, iovcnt);
	}
	return done(source, MIO_WRITABLE, n);
}

ssize_t
mio_source_recv(
    const struct mio_source *source, void *buf, size_t len, int flags)
{
	if (source == NULL)
		return mio__fail(EINVAL);
	if (!is_direct(source))
		return recv_and_tell(source, buf, len, flags);
	return done(
	    source, MIO_READABLE, recv(source->handle, buf, len, flags));
}

ssize_t
mio_source_send(
    const struct mio_source *source, const void *buf, size_t len, int flags)
{
	if (source == NULL)
		return mio__fail(EINVAL);
	if (!is_direct(source))
		return send_and_tell(source, buf, len, flags);
	return done(source, MIO_WRITABLE,
	    send(source->handle, buf, len, flags | MIO__NOSIGNAL));
}

static void
tidy_address(const struct mio_source *source, struct sockaddr *addr,
    socklen_t size, socklen_t *addrlen)
{
	if (MIO__FAMILY(source->kind) == AF_UNIX)
		mio__sys_tidy_unix(addr, (size_t)size, addrlen);
}

ssize_t
mio_source_recvfrom(const struct mio_source *source, void *buf, size_t len,
    int flags, struct sockaddr *addr, socklen_t *addrlen)
{
	socklen_t size;
	ssize_t n;

	if (source == NULL || (addr != NULL && addrlen == NULL))
		return mio__fail(EINVAL);
	size = addr != NULL ? *addrlen : 0;
	n = mio__sys_recvfrom(handle_of(source), buf, len, flags, addr,
	    addr != NULL ? addrlen : NULL);
	if (n >= 0 && addr != NULL)
		tidy_address(source, addr, size, addrlen);
	return done(source, MIO_READABLE, n);
}

ssize_t
mio_source_sendto(const struct mio_source *source, const void *buf, size_t len,
    int flags, const struct sockaddr *addr, socklen_t addrlen)
{
	if (source == NULL)
		return mio__fail(EINVAL);
	return done(source, MIO_WRITABLE,
	    sendto(handle_of(source), buf, len, flags | MIO__NOSIGNAL, addr,
		addrlen));
}

ssize_t
mio_source_recvmsg(
    const struct mio_source *source, struct msghdr *msg, int flags)
{
	if (source == NULL || msg == NULL)
		return mio__fail(EINVAL);
	return done(
	    source, MIO_READABLE, recvmsg(handle_of(source), msg, flags));
}

ssize_t
mio_source_sendmsg(
    const struct mio_source *source, const struct msghdr *msg, int flags)
{
	if (source == NULL || msg == NULL)
		return mio__fail(EINVAL);
	return done(source, MIO_WRITABLE,
	    sendmsg(handle_of(source), msg, flags | MIO__NOSIGNAL));
}

ssize_t
mio_source_try_io(const struct mio_source *source, unsigned direction,
    ssize_t (*op)(mio_handle fd, void *arg), void *arg)
{
	if (source == NULL || op == NULL || direction == 0 ||
	    (direction & ~(MIO_READABLE | MIO_WRITABLE)) != 0)
		return mio__fail(EINVAL);
	return done(source, direction, op(handle_of(source), arg));
}

int
mio_source_connect(const struct mio_source *socket,
    const struct sockaddr *addr, socklen_t addrlen)
{
	int result;

	if (socket == NULL || addr == NULL)
		return mio__fail(EINVAL);
	result = connect(handle_of(socket), addr, addrlen);
	/*
	 * An unconnected stream counts as hung up; that is over now.  Its
	 * next event for writing says how the connect ended.
	 */
	rearm(socket,
	    result < 0 && (errno == EINPROGRESS || errno == EINTR)
		? MIO_WRITABLE
		: 0);
	return result;
}

/* 0 connected; -1 failed, or ENOTCONN. */
static int
connection(const struct mio_source *stream)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int error;

	if (mio_source_take_error(stream, &error) < 0)
		return -1;
	if (error != 0)
		return mio__fail(error);
	return getpeername(
	    handle_of(stream), (struct sockaddr *)&addr, &len);
}

int
mio_source_connect_result(const struct mio_source *stream)
{
	int ended;

	if (stream == NULL)
		return mio__fail(EINVAL);
	if (connection(stream) == 0)
		return 0;
	if (errno != ENOTCONN)
		return -1;
	/* Neither connected nor failed: is it still trying? */
	ended = mio__sys_connecting(handle_of(stream));
	if (ended != 0) {
		/* It ended between the calls, or the first write connects. */
		if (connection(stream) == 0 ||
		    (errno == ENOTCONN && ended == POLLOUT))
			return 0;
		return -1;
	}
	rearm(stream, MIO_WRITABLE);
	return mio__fail(EINPROGRESS);
}

int
mio_source_accept(const struct mio_source *listener, struct mio_source *stream,
    struct sockaddr *addr, socklen_t *addrlen)
{
	struct mio_source made = MIO_SOURCE_INIT;
	socklen_t size;

	if (listener == NULL || stream == NULL ||
	    (addr != NULL && addrlen == NULL))
		return mio__fail(EINVAL);
	size = addr != NULL ? *addrlen : 0;
	made.handle = mio__sys_accept(
	    handle_of(listener), addr, addr != NULL ? addrlen : NULL);
	if (made.handle < 0) {
		failed(listener, MIO_READABLE);
		return -1;
	}
	if (addr != NULL)
		tidy_address(listener, addr, size, addrlen);
	made.kind = MIO__KIND_MADE | (listener->kind & MIO__KIND_FILE);
	*stream = made;
	return 0;
}

int
mio_source_shutdown(const struct mio_source *source, int how)
{
	if (source == NULL)
		return mio__fail(EINVAL);
	return shutdown(handle_of(source), how);
}

int
mio_source_take_error(const struct mio_source *source, int *error)
{
	int result = mio__option(source, SOL_SOCKET, SO_ERROR, error);

	if (result == 0 && *error != 0)
		consumed(source);
	return result;
}

typedef int name_call(int fd, struct sockaddr *addr, socklen_t *addrlen);

static int
name(const struct mio_source *source, name_call *call, struct sockaddr *addr,
    socklen_t *addrlen)
{
	socklen_t size;

	if (source == NULL || addr == NULL || addrlen == NULL)
		return mio__fail(EINVAL);
	size = *addrlen;
	if (call(handle_of(source), addr, addrlen) < 0)
		return -1;
	tidy_address(source, addr, size, addrlen);
	return 0;
}

int
mio_source_local_addr(const struct mio_source *source, struct sockaddr *addr,
    socklen_t *addrlen)
{
	return name(source, mio__sys_getsockname, addr, addrlen);
}

int
mio_source_peer_addr(const struct mio_source *source, struct sockaddr *addr,
    socklen_t *addrlen)
{
	return name(source, mio__sys_getpeername, addr, addrlen);
}

#define DEFAULT_HOPS 64 /* IPDEFTTL of each system that leaves it unset */

static bool
is_ipv6(const struct mio_source *source)
{
	return source != NULL && MIO__FAMILY(source->kind) == AF_INET6;
}

int
mio_source_ttl(const struct mio_source *source, unsigned *ttl)
{
	int value = 0, result;

	if (ttl == NULL)
		return mio__fail(EINVAL);
	if (is_ipv6(source))
		result = mio__option(
		    source, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &value);
	else
		result = mio__option(source, IPPROTO_IP, IP_TTL, &value);
	/* BSD says -1 until it is set: the system's, see mio_udp(3). */
	if (result == 0)
		*ttl = value < 0 ? DEFAULT_HOPS : (unsigned)value;
	return result;
}

int
mio_source_set_ttl(const struct mio_source *source, unsigned ttl)
{
	/* As kernels for IPv4; IPv6 would read -1 as the default. */
	if (ttl < 1 || ttl > 255)
		return mio__fail(EINVAL);
	if (is_ipv6(source))
		return mio__set_option(
		    source, IPPROTO_IPV6, IPV6_UNICAST_HOPS, (int)ttl);
	return mio__set_option(source, IPPROTO_IP, IP_TTL, (int)ttl);
}
