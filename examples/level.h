/* SPDX-License-Identifier: MIT */
/*
 * Level-triggered events for the descriptors of other libraries.
 *
 * Most libraries that let their caller wait expect what poll(2) does: to be
 * called again as long as the descriptor is ready, for one call may leave
 * data unread.  But an edge comes once.  So before an event is handed on,
 * level_take registers the descriptor anew: the next wait then looks at what
 * the library has left, on every backend.  It costs one system call an event.
 *
 * Tokens are the descriptors; those of the program's own sources must be
 * above INT_MAX.
 */

#ifndef LEVEL_H
#define LEVEL_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <mio.h>

struct level {
	struct mio_registry *registry;
	unsigned char *wanted; /* interests by descriptor; 0: not watched */
	size_t count;
};

static inline int
level_grow(struct level *level, size_t count)
{
	unsigned char *wanted = realloc(level->wanted, count);

	if (!wanted)
		return -1;
	memset(wanted + level->count, 0, count - level->count);
	level->wanted = wanted;
	level->count = count;
	return 0;
}

/* Starts, changes or (interests 0) ends the watch of a descriptor. */
static inline int
level_watch(struct level *level, int fd, unsigned interests)
{
	size_t place = (size_t)fd;
	int result = -1;

	if (fd < 0) {
		errno = EBADF;
		return -1;
	}
	if (place >= level->count && level_grow(level, 2 * place + 64) == -1)
		return -1;
	if (interests == 0) {
		/* It may be closed already, and so be forgotten. */
		if (level->wanted[place])
			mio_registry_deregister_fd(level->registry, fd);
		level->wanted[place] = 0;
		return 0;
	}
	if (level->wanted[place])
		result = mio_registry_reregister_fd(
		    level->registry, fd, place, interests);
	/* ENOENT: closed without a word, and the number is used again. */
	if (!level->wanted[place] || (result == -1 && errno == ENOENT))
		result = mio_registry_register_fd(
		    level->registry, fd, place, interests);
	if (result == 0)
		level->wanted[place] = (unsigned char)interests;
	return result;
}

/*
 * What an event says of what is wanted now: MIO_READABLE, MIO_WRITABLE or
 * both, to be handed to the library at once.  0: nothing to do.
 */
static inline unsigned
level_take(struct level *level, const struct mio_event *event)
{
	size_t place = event->token;

	if (place >= level->count || !level->wanted[place])
		return 0;
	if (mio_registry_reregister_fd(level->registry, (int)place, place,
		level->wanted[place]) == -1) {
		level->wanted[place] = 0; /* closed without a word */
		return 0;
	}
	return event->readiness & level->wanted[place];
}

static inline void
level_free(struct level *level)
{
	free(level->wanted);
	level->wanted = NULL;
	level->count = 0;
}

#endif
