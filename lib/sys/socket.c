/* SPDX-License-Identifier: MIT */
/* Sockets: made, accepted, taken over. */

#include "config.h"
#include "sys/sys.h"

#include <errno.h>
#include <sys/socket.h>

#include "selector.h"

static int
quiet(int fd)
{
#if defined(HAVE_SO_NOSIGPIPE) && !defined(MSG_NOSIGNAL)
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

int
mio__sys_accept(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
#if defined(HAVE_ACCEPT4) && defined(HAVE_SOCK_CLOEXEC)
	int stream = accept4(fd, addr, addrlen, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (stream >= 0 || !mio__sys_refused(errno))
		return hush(stream);
#endif
	return hush(dress(accept(fd, addr, addrlen)));
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

uint32_t
mio__sys_kind(int fd)
{
#ifdef SO_DOMAIN
	int family = 0;
	socklen_t len = sizeof(family);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0)
		return (uint32_t)family;
#else
	struct sockaddr_storage addr = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) == 0)
		return addr.ss_family;
#endif
	return mio__sys_pipe_kind(fd);
}
