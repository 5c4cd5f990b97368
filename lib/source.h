/* SPDX-License-Identifier: MIT */
/* What the constructors and options of the kinds of source share. */

#ifndef MIO_SOURCE_IMPL_H
#define MIO_SOURCE_IMPL_H

#include <sys/socket.h>

#include "selector.h"

/* The `kind` of a socket. */
uint32_t mio__socket_kind(int family, int type);

typedef int mio__prepare(
    int fd, const struct sockaddr *addr, socklen_t addrlen);

/*
 * Makes a socket, prepares it with `addr`, fills `source`.  On failure
 * closes it, and `source` is as it was.
 */
int mio__source_socket(struct mio_source *source, int family, int type,
    mio__prepare *prepare, const struct sockaddr *addr, socklen_t addrlen);

/* connect(2) that goes on by itself is success. */
mio__prepare mio__start_to_connect;

/*
 * The family of an Internet address of the right length, or -1 with
 * EAFNOSUPPORT or EINVAL.  Addresses need not be aligned.
 */
int mio__inet_family(const struct sockaddr *addr, socklen_t addrlen);
/* That which any address says; -1 and EINVAL if it is too short to. */
int mio__family(const void *addr, socklen_t addrlen);

/* Options that are an int. */
int mio__option(
    const struct mio_source *source, int level, int name, int *value);
int mio__option_bool(
    const struct mio_source *source, int level, int name, bool *on);
int mio__set_option(
    const struct mio_source *source, int level, int name, int value);

#endif
