/* SPDX-License-Identifier: MIT */

#include "config.h"
#include "source.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "sys/sys.h"

#define BACKLOG 128 /* as mio */

static int
bind_and_listen(int fd, const struct sockaddr *addr, socklen_t addrlen)
{
	if (mio__sys_reuse_addr(fd) < 0 || bind(fd, addr, addrlen) < 0)
		return -1;
	return listen(fd, BACKLOG);
}

int
mio_tcp_listen(struct mio_source *listener, const struct sockaddr *addr,
    socklen_t addrlen)
{
	int family = mio__inet_family(addr, addrlen);

	if (family < 0)
		return -1;
	return mio__source_socket(
	    listener, family, SOCK_STREAM, bind_and_listen, addr, addrlen);
}

int
mio_tcp_connect(struct mio_source *stream, const struct sockaddr *addr,
    socklen_t addrlen)
{
	int family = mio__inet_family(addr, addrlen);

	if (family < 0)
		return -1;
	return mio__source_socket(stream, family, SOCK_STREAM,
	    mio__start_to_connect, addr, addrlen);
}

int
mio_tcp_nodelay(const struct mio_source *stream, bool *on)
{
	return mio__option_bool(stream, IPPROTO_TCP, TCP_NODELAY, on);
}

int
mio_tcp_set_nodelay(const struct mio_source *stream, bool on)
{
	return mio__set_option(stream, IPPROTO_TCP, TCP_NODELAY, on);
}
