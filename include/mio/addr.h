/* SPDX-License-Identifier: MIT */
/* Socket addresses as text, and text as addresses.  See mio_addr(3). */

#ifndef MIO_ADDR_H
#define MIO_ADDR_H

#include <stddef.h>
#include <sys/socket.h>
#include <mio/types.h>

MIO_BEGIN_DECLS

/*
 * Reads an address: "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80" (a scope
 * by name or number), "*:80" or ":80" (any address: of IPv6 where the system
 * has it, else of IPv4), "unix:PATH", "unix:@NAME" (abstract), "unix:"
 * (unnamed).  Numbers only: no name is looked up.  `addrlen` is out only.
 * Errors: EINVAL no such text, no such interface, or a NULL argument;
 * ENAMETOOLONG; ENOTSUP no abstract names here; EMFILE and other errors of
 * if_nametoindex(3).  Both outputs are then untouched.  Any thread.
 */
MIO_API int mio_addr_parse(
    struct sockaddr_storage *addr, socklen_t *addrlen, const char *text);
/*
 * Writes the address as mio_addr_parse takes it into `buf` of `size` bytes,
 * cut if too long, NUL-ended unless size is 0.  Returns the length of the
 * whole text, as snprintf does.  `addr` need not be aligned.
 * Errors: EINVAL a NULL argument (`buf` may be NULL if size is 0), a wrong
 * length, or a name that text cannot say; EAFNOSUPPORT another family.
 * Any thread.
 */
MIO_API int mio_addr_format(char *buf, size_t size,
    const struct sockaddr *addr, socklen_t addrlen);

MIO_END_DECLS

#endif
