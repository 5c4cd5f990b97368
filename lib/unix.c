/* SPDX-License-Identifier: MIT */

#include "config.h"
#include "source.h"

#include <string.h>
#include <sys/un.h>

#include "sys/sys.h"

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

int
mio_unix_addr(struct sockaddr_un *addr, socklen_t *addrlen, const void *path,
    size_t len)
{
	struct sockaddr_un made;
	size_t terminator;

	if (addr == NULL || addrlen == NULL || (path == NULL && len > 0))
		return mio__fail(EINVAL);
	if (len > sizeof(made.sun_path))
		return mio__fail(ENAMETOOLONG);
	memset(&made, 0, sizeof(made));
	made.sun_family = AF_UNIX;
	if (len > 0) {
		bool abstract = *(const char *)path == '\0';

		if (abstract && !MIO__ABSTRACT_NAMES)
			return mio__fail(ENOTSUP);
		if (!abstract && memchr(path, '\0', len) != NULL)
			return mio__fail(EINVAL);
		memcpy(made.sun_path, path, len);
		/* A pathname ends in a NUL if there is room for one. */
		terminator = !abstract && len < sizeof(made.sun_path);
		len += terminator;
	}
	mio__sys_set_len(&made, PATH_OFFSET + len);
	memcpy(addr, &made, sizeof(made));
	*addrlen = (socklen_t)(PATH_OFFSET + len);
	return 0;
}

static int
check_addr(const struct sockaddr_un *addr, socklen_t addrlen)
{
	int family = mio__family(addr, addrlen);

	if (family < 0)
		return -1;
	if (family != AF_UNIX)
		return mio__fail(EAFNOSUPPORT);
	if ((size_t)addrlen < PATH_OFFSET || (size_t)addrlen > sizeof(*addr))
		return mio__fail(EINVAL);
	return 0;
}

static int
with_addr(struct mio_source *source, int type, mio__prepare *prepare,
    const struct sockaddr_un *addr, socklen_t addrlen)
{
	if (check_addr(addr, addrlen) < 0)
		return -1;
	return mio__source_socket(source, AF_UNIX, type, prepare,
	    (const struct sockaddr *)addr, addrlen);
}

static int
with_path(struct mio_source *source, int type, mio__prepare *prepare,
    const char *path)
{
	struct sockaddr_un addr;
	socklen_t addrlen = 0;

	if (path == NULL || *path == '\0')
		return mio__fail(EINVAL);
	if (mio_unix_addr(&addr, &addrlen, path, strlen(path)) < 0)
		return -1;
	return with_addr(source, type, prepare, &addr, addrlen);
}

static int
bind_and_listen(int fd, const struct sockaddr *addr, socklen_t addrlen)
{
	if (bind(fd, addr, addrlen) < 0)
		return -1;
	return listen(fd, MIO__UNIX_BACKLOG);
}

int
mio_unix_listen(struct mio_source *listener, const char *path)
{
	return with_path(listener, SOCK_STREAM, bind_and_listen, path);
}

int
mio_unix_listen_addr(struct mio_source *listener,
    const struct sockaddr_un *addr, socklen_t addrlen)
{
	return with_addr(
	    listener, SOCK_STREAM, bind_and_listen, addr, addrlen);
}

int
mio_unix_connect(struct mio_source *stream, const char *path)
{
	return with_path(stream, SOCK_STREAM, mio__start_to_connect, path);
}

int
mio_unix_connect_addr(struct mio_source *stream,
    const struct sockaddr_un *addr, socklen_t addrlen)
{
	return with_addr(
	    stream, SOCK_STREAM, mio__start_to_connect, addr, addrlen);
}

int
mio_unix_dgram_bind(struct mio_source *socket, const char *path)
{
	return with_path(socket, SOCK_DGRAM, bind, path);
}

int
mio_unix_dgram_bind_addr(struct mio_source *socket,
    const struct sockaddr_un *addr, socklen_t addrlen)
{
	return with_addr(socket, SOCK_DGRAM, bind, addr, addrlen);
}

int
mio_unix_dgram_unbound(struct mio_source *socket)
{
	return mio__source_socket(socket, AF_UNIX, SOCK_DGRAM, NULL, NULL, 0);
}

static int
pair(struct mio_source *a, struct mio_source *b, int type)
{
	struct mio_source made = MIO_SOURCE_INIT;
	int fds[2];

	if (a == NULL || b == NULL)
		return mio__fail(EINVAL);
	if (mio__sys_socketpair(type, fds) < 0)
		return -1;
	made.kind = mio__socket_kind(AF_UNIX, type);
	made.handle = fds[0];
	*a = made;
	made.handle = fds[1];
	*b = made;
	return 0;
}

int
mio_unix_pair(struct mio_source *a, struct mio_source *b)
{
	return pair(a, b, SOCK_STREAM);
}

int
mio_unix_dgram_pair(struct mio_source *a, struct mio_source *b)
{
	return pair(a, b, SOCK_DGRAM);
}
