/* SPDX-License-Identifier: MIT */

#include "config.h"
#include "selector.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "sys/sys.h"

#define BACKLOG 128 /* as mio */

/* The family of a good address; `addr` need not be aligned. */
static int
family_of(const struct sockaddr *addr, socklen_t addrlen)
{
	sa_family_t family;
	size_t offset = offsetof(struct sockaddr, sa_family);
	socklen_t size;

	if (addr == NULL || addrlen < offset + sizeof(family))
		return mio__fail(EINVAL);
	memcpy(&family, (const char *)addr + offset, sizeof(family));
	if (family == AF_INET)
		size = sizeof(struct sockaddr_in);
	else if (family == AF_INET6)
		size = sizeof(struct sockaddr_in6);
	else
		return mio__fail(EAFNOSUPPORT);
	return addrlen == size ? family : mio__fail(EINVAL);
}

static int
bind_and_listen(int fd, const struct sockaddr *addr, socklen_t addrlen)
{
	if (mio__sys_reuse_addr(fd) < 0)
		return -1;
	if (bind(fd, addr, addrlen) < 0)
		return -1;
	return listen(fd, BACKLOG);
}

static int
start_to_connect(int fd, const struct sockaddr *addr, socklen_t addrlen)
{
	if (connect(fd, addr, addrlen) == 0)
		return 0;
	/* Interrupted, it goes on by itself as well. */
	return errno == EINPROGRESS || errno == EINTR ? 0 : -1;
}

static int
stream_socket(struct mio_source *source, const struct sockaddr *addr,
    socklen_t addrlen,
    int (*prepare)(int fd, const struct sockaddr *addr, socklen_t addrlen))
{
	struct mio_source made = MIO_SOURCE_INIT;
	int family = family_of(addr, addrlen);

	if (family < 0)
		return -1;
	if (source == NULL)
		return mio__fail(EINVAL);
	made.kind = (uint32_t)family;
	made.handle = mio__sys_socket(family, SOCK_STREAM);
	if (made.handle < 0)
		return -1;
	if (prepare(made.handle, addr, addrlen) < 0) {
		mio__sys_close(made.handle);
		return -1;
	}
	*source = made;
	return 0;
}

int
mio_tcp_listen(struct mio_source *listener, const struct sockaddr *addr,
    socklen_t addrlen)
{
	return stream_socket(listener, addr, addrlen, bind_and_listen);
}

int
mio_tcp_connect(struct mio_source *stream, const struct sockaddr *addr,
    socklen_t addrlen)
{
	return stream_socket(stream, addr, addrlen, start_to_connect);
}

int
mio_tcp_nodelay(const struct mio_source *stream, bool *on)
{
	int value;
	socklen_t len = sizeof(value);

	if (stream == NULL || on == NULL)
		return mio__fail(EINVAL);
	if (getsockopt(stream->handle, IPPROTO_TCP, TCP_NODELAY, &value,
		&len) < 0)
		return -1;
	*on = value != 0;
	return 0;
}

int
mio_tcp_set_nodelay(const struct mio_source *stream, bool on)
{
	int value = on;

	if (stream == NULL)
		return mio__fail(EINVAL);
	return setsockopt(stream->handle, IPPROTO_TCP, TCP_NODELAY, &value,
	    sizeof(value));
}
