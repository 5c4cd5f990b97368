/* SPDX-License-Identifier: MIT */

#include "config.h"
#include "source.h"

#include <netinet/in.h>
#include <string.h>

int
mio_udp_bind(struct mio_source *socket, const struct sockaddr *addr,
    socklen_t addrlen)
{
	int family = mio__inet_family(addr, addrlen);

	if (family < 0)
		return -1;
	return mio__source_socket(
	    socket, family, SOCK_DGRAM, bind, addr, addrlen);
}

int
mio_udp_broadcast(const struct mio_source *socket, bool *on)
{
	return mio__option_bool(socket, SOL_SOCKET, SO_BROADCAST, on);
}

int
mio_udp_set_broadcast(const struct mio_source *socket, bool on)
{
	return mio__set_option(socket, SOL_SOCKET, SO_BROADCAST, on);
}

/* IPv4's multicast options are a byte: the BSDs take nothing else. */
static int
byte_option(const struct mio_source *socket, int name, unsigned *value)
{
	unsigned char byte = 0;
	socklen_t len = sizeof(byte);

	if (socket == NULL)
		return mio__fail(EINVAL);
	if (getsockopt(socket->handle, IPPROTO_IP, name, &byte, &len) < 0)
		return -1;
	*value = byte;
	return 0;
}

static int
set_byte_option(const struct mio_source *socket, int name, unsigned value)
{
	unsigned char byte = (unsigned char)value;

	if (socket == NULL || value > 255)
		return mio__fail(EINVAL);
	return setsockopt(
	    socket->handle, IPPROTO_IP, name, &byte, sizeof(byte));
}

int
mio_udp_multicast_loop_v4(const struct mio_source *socket, bool *on)
{
	unsigned value = 0;

	if (on == NULL)
		return mio__fail(EINVAL);
	if (byte_option(socket, IP_MULTICAST_LOOP, &value) < 0)
		return -1;
	*on = value != 0;
	return 0;
}

int
mio_udp_set_multicast_loop_v4(const struct mio_source *socket, bool on)
{
	return set_byte_option(socket, IP_MULTICAST_LOOP, on);
}

int
mio_udp_multicast_ttl_v4(const struct mio_source *socket, unsigned *ttl)
{
	if (ttl == NULL)
		return mio__fail(EINVAL);
	return byte_option(socket, IP_MULTICAST_TTL, ttl);
}

int
mio_udp_set_multicast_ttl_v4(const struct mio_source *socket, unsigned ttl)
{
	return set_byte_option(socket, IP_MULTICAST_TTL, ttl);
}

int
mio_udp_multicast_loop_v6(const struct mio_source *socket, bool *on)
{
	return mio__option_bool(socket, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, on);
}

int
mio_udp_set_multicast_loop_v6(const struct mio_source *socket, bool on)
{
	return mio__set_option(socket, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, on);
}

static int
membership_v4(const struct mio_source *socket, int name,
    const struct in_addr *group, const struct in_addr *interface)
{
	struct ip_mreq request;

	if (socket == NULL || group == NULL || interface == NULL)
		return mio__fail(EINVAL);
	request.imr_multiaddr = *group;
	request.imr_interface = *interface;
	return setsockopt(
	    socket->handle, IPPROTO_IP, name, &request, sizeof(request));
}

int
mio_udp_join_multicast_v4(const struct mio_source *socket,
    const struct in_addr *group, const struct in_addr *interface)
{
	return membership_v4(socket, IP_ADD_MEMBERSHIP, group, interface);
}

int
mio_udp_leave_multicast_v4(const struct mio_source *socket,
    const struct in_addr *group, const struct in_addr *interface)
{
	return membership_v4(socket, IP_DROP_MEMBERSHIP, group, interface);
}

static int
membership_v6(const struct mio_source *socket, int name,
    const struct in6_addr *group, unsigned ifindex)
{
	struct ipv6_mreq request;

	if (socket == NULL || group == NULL)
		return mio__fail(EINVAL);
	request.ipv6mr_multiaddr = *group;
	/* An unsigned, but an int on Android. */
	memcpy(&request.ipv6mr_interface, &ifindex, sizeof(ifindex));
	return setsockopt(
	    socket->handle, IPPROTO_IPV6, name, &request, sizeof(request));
}

int
mio_udp_join_multicast_v6(const struct mio_source *socket,
    const struct in6_addr *group, unsigned ifindex)
{
	return membership_v6(socket, IPV6_JOIN_GROUP, group, ifindex);
}

int
mio_udp_leave_multicast_v6(const struct mio_source *socket,
    const struct in6_addr *group, unsigned ifindex)
{
	return membership_v6(socket, IPV6_LEAVE_GROUP, group, ifindex);
}

int
mio_udp_only_v6(const struct mio_source *socket, bool *on)
{
	return mio__option_bool(socket, IPPROTO_IPV6, IPV6_V6ONLY, on);
}
