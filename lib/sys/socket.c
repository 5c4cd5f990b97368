/* SPDX-License-Identifier: MIT */
/* Sockets: made, accepted, taken over. */

#include "config.h"
#include "sys/sys.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "selector.h"

static int
quiet(int fd)
{
#ifdef HAVE_SO_NOSIGPIPE
	/* Also if there is MSG_NOSIGNAL: an older kernel may not know it. */
	int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
#else
	(void)fd;
	return 0;
#endif
}

/* Sets on `fd` what the one-call forms set at birth; closes it on failure. */
static int
dress(int fd)
{
	if (fd < 0)
		return -1;
	if (mio__sys_cloexec(fd) < 0 || mio__sys_nonblock(fd) < 0) {
		mio__sys_close(fd);
		return -1;
	}
	return fd;
}

static int
hush(int fd)
{
	if (fd >= 0 && quiet(fd) < 0) {
		mio__sys_close(fd);
		return -1;
	}
	return fd;
}

int
mio__sys_socket(int family, int type)
{
#ifdef HAVE_SOCK_CLOEXEC
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 || !mio__sys_refused(errno))
		return hush(fd);
#endif
	return hush(dress(socket(family, type, 0)));
}

/*
 * What XNU refuses to set on a socket with EINVAL is one that both sides shut
 * (sosetoptlock in bsd/kern/uipc_socket.c): the peer went before the accept.
 */
static int
hush_accepted(int fd)
{
	if (fd >= 0 && quiet(fd) < 0) {
		mio__sys_close(fd);
		if (errno == EINVAL)
			errno = ECONNABORTED;
		return -1;
	}
	return fd;
}

static int
accept_dressed(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
#if defined(HAVE_ACCEPT4) && defined(HAVE_SOCK_CLOEXEC)
	int stream = accept4(fd, addr, addrlen, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (stream >= 0 || !mio__sys_refused(errno))
		return hush_accepted(stream);
#endif
	return hush_accepted(dress(accept(fd, addr, addrlen)));
}

void
mio__sys_tidy_unix(struct sockaddr *addr, size_t size, socklen_t *addrlen)
{
	const size_t offset = offsetof(struct sockaddr_un, sun_path);
	const sa_family_t family = AF_UNIX;
	const char *path = (const char *)addr + offset;
	size_t whole = (size_t)*addrlen;
	size_t there = whole < size ? whole : size;
	size_t len;

	if (whole == 0) {
		if (size >= offset)
			memcpy((char *)addr +
				offsetof(struct sockaddr_un, sun_family),
			    &family, sizeof(family));
		*addrlen = (socklen_t)offset;
	} else if (there > offset && (*path != '\0' || !MIO__ABSTRACT_NAMES)) {
		len = strnlen(path, there - offset);
		/* Cut short, its end is unknown: as the kernel says. */
		if (there == whole || offset + len < there ||
		    there >= sizeof(struct sockaddr_un))
			*addrlen = (socklen_t)(offset + len);
	}
}

#if MIO__TELLS_LENGTHS

int
mio__sys_accept(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
	return accept_dressed(fd, addr, addrlen);
}

#else

/* An address as the kernel gave it, whole, to be cut for the caller. */
struct whole {
	struct sockaddr_storage addr;
	socklen_t len;
};

static void
hand_out(struct whole *whole, struct sockaddr *addr, socklen_t *addrlen)
{
	socklen_t len;

	if (whole->addr.ss_family == AF_UNIX)
		mio__sys_tidy_unix((struct sockaddr *)&whole->addr,
		    sizeof(whole->addr), &whole->len);
	len = *addrlen < whole->len ? *addrlen : whole->len;
	memcpy(addr, &whole->addr, (size_t)len);
	*addrlen = whole->len;
}

int
mio__sys_accept(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
	struct whole whole = { .len = sizeof(whole.addr) };
	int stream;

	if (addr == NULL)
		return accept_dressed(fd, NULL, NULL);
	stream =
	    accept_dressed(fd, (struct sockaddr *)&whole.addr, &whole.len);
	if (stream >= 0)
		hand_out(&whole, addr, addrlen);
	return stream;
}

typedef int name_call(int fd, struct sockaddr *addr, socklen_t *addrlen);

static int
ask(name_call *call, int fd, struct sockaddr *addr, socklen_t *addrlen)
{
	struct whole whole = { .len = sizeof(whole.addr) };
	int result = call(fd, (struct sockaddr *)&whole.addr, &whole.len);

	if (result == 0)
		hand_out(&whole, addr, addrlen);
	return result;
}

int
mio__sys_getsockname(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
	return ask(getsockname, fd, addr, addrlen);
}

int
mio__sys_getpeername(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
	return ask(getpeername, fd, addr, addrlen);
}

ssize_t
mio__sys_recvfrom(int fd, void *buf, size_t len, int flags,
    struct sockaddr *addr, socklen_t *addrlen)
{
	struct whole whole = { .len = sizeof(whole.addr) };
	ssize_t n;

	if (addr == NULL)
		return recv(fd, buf, len, flags);
	n = recvfrom(fd, buf, len, flags, (struct sockaddr *)&whole.addr,
	    &whole.len);
	if (n >= 0)
		hand_out(&whole, addr, addrlen);
	return n;
}

#endif

static int
socketpair_plain(int type, int fds[2])
{
	if (socketpair(AF_UNIX, type, 0, fds) < 0)
		return -1;
	if (dress(fds[0]) < 0) {
		mio__sys_close(fds[1]);
		return -1;
	}
	if (dress(fds[1]) < 0) {
		mio__sys_close(fds[0]);
		return -1;
	}
	return 0;
}

static int
hush_both(int fds[2])
{
	if (quiet(fds[0]) == 0 && quiet(fds[1]) == 0)
		return 0;
	mio__sys_close(fds[0]);
	mio__sys_close(fds[1]);
	return -1;
}

int
mio__sys_socketpair(int type, int fds[2])
{
#ifdef HAVE_SOCK_CLOEXEC
	if (socketpair(
		AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0)
		return hush_both(fds);
	if (!mio__sys_refused(errno))
		return -1;
#endif
	return socketpair_plain(type, fds) < 0 ? -1 : hush_both(fds);
}

bool
mio__sys_has_ipv6(void)
{
	int error = errno;
	int fd = mio__sys_socket(AF_INET6, SOCK_DGRAM);
	bool has = fd >= 0 || errno != EAFNOSUPPORT;

	if (fd >= 0)
		mio__sys_close(fd);
	errno = error;
	return has;
}

void
mio__sys_set_len(void *addr, size_t len)
{
#ifdef HAVE_STRUCT_SOCKADDR_UN_SUN_LEN
	/* The first byte of every address. */
	unsigned char byte = (unsigned char)len;

	memcpy(addr, &byte, sizeof(byte));
#else
	(void)addr;
	(void)len;
#endif
}

int
mio__sys_reuse_addr(int fd)
{
#ifdef _WIN32
	(void)fd;
	return 0;
#else
	int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
#endif
}

int
mio__sys_adopt(int fd)
{
	if (mio__sys_nonblock(fd) < 0)
		return -1;
	if (quiet(fd) < 0 && errno != ENOTSOCK)
		return -1;
	return 0;
}

static bool
option(int fd, int name, int *value)
{
	socklen_t len = sizeof(*value);

	return getsockopt(fd, SOL_SOCKET, name, value, &len) == 0;
}

bool
mio__sys_is_socket(int fd, int *family, int *type)
{
#ifdef SO_DOMAIN
	return option(fd, SO_TYPE, type) && option(fd, SO_DOMAIN, family);
#else
	struct sockaddr_storage addr = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(addr);

	if (!option(fd, SO_TYPE, type) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return false;
	*family = addr.ss_family;
	return true;
#endif
}

#if !MIO__TELLS_UNCONNECTED
/* Nobody connects it; a Unix stream's connect takes no time. */
static bool
idle(int fd)
{
	int family, type;

	if (!mio__sys_is_socket(fd, &family, &type))
		return false;
	if (family == AF_UNIX)
		return true;
#ifdef TCP_INFO
	if (type == SOCK_STREAM) {
		struct tcp_info info = { .tcpi_state = 0 };
		socklen_t len = sizeof(info);

		/* TCPS_CLOSED: it neither connects nor is it connected. */
		return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ==
			   0 &&
		       info.tcpi_state == 0;
	}
#endif
	return false;
}
#endif

int
mio__sys_connecting(int fd)
{
	struct pollfd asked = { .fd = fd, .events = POLLOUT };
	int n;

	do /* a signal that is due interrupts even this */
		n = poll(&asked, 1, 0);
	while (n < 0 && errno == EINTR);
#if !MIO__TELLS_UNCONNECTED
	/* What is neither is not going to be connected by its first write. */
	if (n != 0 || idle(fd))
		asked.revents |= POLLHUP;
#endif
	return n < 0 ? POLLNVAL : asked.revents;
}

/*
 * Linux sends nothing then, nor looks whether it could (do_iter_readv_writev
 * and its callers in fs/read_write.c); BSD makes a datagram of it, and on a
 * stream may raise SIGPIPE, so that one is asked by sendmsg(2).
 */
ssize_t
mio__sys_writev_nothing(int fd, const struct iovec *iov, int iovcnt)
{
#ifndef __linux__
	int type;

	if (option(fd, SO_TYPE, &type) && type == SOCK_STREAM)
		return send(fd, "", 0, MIO__NOSIGNAL);
#endif
	return writev(fd, iov, iovcnt);
}
