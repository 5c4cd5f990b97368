/* SPDX-License-Identifier: MIT */
/* What the tests of Unix domain sockets share: names and where they live. */

#ifndef MIO_CONFORMANCE_NAMES_H
#define MIO_CONFORMANCE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <mio.h>

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)
#define PATH_ROOM sizeof(((struct sockaddr_un *)0)->sun_path)

struct name {
	struct sockaddr_un addr;
	socklen_t len;
};

/*
 * A new directory under TMPDIR becomes the working directory, so names stay
 * short however long that is.  dir_close removes it with what is in it; a test
 * that fails leaves it behind.
 */
void dir_open(void);
void dir_close(void);

/* The address of a path in the directory. */
struct name path_name(const char *path);
/* A fresh abstract name of `len` bytes with its NUL, at least 24. */
struct name abstract_name(size_t len);

struct name local_name(const struct mio_source *source);
struct name peer_name(const struct mio_source *source);
/* Fails unless the two are the same, every byte that counts. */
void same_name(const struct name *want, const struct name *got);
void is_unnamed(const struct name *name);

/* Valgrind runs this: it knows better than the kernel now and then. */
bool under_valgrind(void);

#endif
