/* SPDX-License-Identifier: MIT */
/* UDP sockets.  See mio_udp(3). */

#ifndef MIO_UDP_H
#define MIO_UDP_H

#include <stdbool.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <mio/source.h>
#include <mio/types.h>

MIO_BEGIN_DECLS

/*
 * Makes a socket and binds it; `addr` is of AF_INET or AF_INET6.  Connect it
 * with mio_source_connect.  Errors: EAFNOSUPPORT another family; EINVAL a
 * wrong length, NULL; those of socket(2) and bind(2).  `socket` is filled on
 * success only.
 */
MIO_API int mio_udp_bind(struct mio_source *socket,
    const struct sockaddr *addr, socklen_t addrlen);

/*
 * Socket options.  Any thread.  Errors: EINVAL NULL, a time to live above
 * 255; those of getsockopt(2) and setsockopt(2).
 */

/* SO_BROADCAST. */
MIO_API int mio_udp_broadcast(const struct mio_source *socket, bool *on);
MIO_API int mio_udp_set_broadcast(const struct mio_source *socket, bool on);
/* IP_MULTICAST_LOOP. */
MIO_API int mio_udp_multicast_loop_v4(
    const struct mio_source *socket, bool *on);
MIO_API int mio_udp_set_multicast_loop_v4(
    const struct mio_source *socket, bool on);
/* IP_MULTICAST_TTL, 0 to 255. */
MIO_API int mio_udp_multicast_ttl_v4(
    const struct mio_source *socket, unsigned *ttl);
MIO_API int mio_udp_set_multicast_ttl_v4(
    const struct mio_source *socket, unsigned ttl);
/* IPV6_MULTICAST_LOOP. */
MIO_API int mio_udp_multicast_loop_v6(
    const struct mio_source *socket, bool *on);
MIO_API int mio_udp_set_multicast_loop_v6(
    const struct mio_source *socket, bool on);
/* `interface` is the address of one, or INADDR_ANY; `ifindex` 0 is any. */
MIO_API int mio_udp_join_multicast_v4(const struct mio_source *socket,
    const struct in_addr *group, const struct in_addr *interface);
MIO_API int mio_udp_leave_multicast_v4(const struct mio_source *socket,
    const struct in_addr *group, const struct in_addr *interface);
MIO_API int mio_udp_join_multicast_v6(const struct mio_source *socket,
    const struct in6_addr *group, unsigned ifindex);
MIO_API int mio_udp_leave_multicast_v6(const struct mio_source *socket,
    const struct in6_addr *group, unsigned ifindex);
/* IPV6_V6ONLY. */
MIO_API int mio_udp_only_v6(const struct mio_source *socket, bool *on);

MIO_END_DECLS

#endif
