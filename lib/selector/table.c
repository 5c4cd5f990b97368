/* SPDX-License-Identifier: MIT */
/* The backends of this build, from the list that configure made. */

#include "config.h"
#include "selector.h"

#include <string.h>

#include "waker.h"

static const struct mio__backend backends[] = {
#define MIO__BACKEND(selector, waker)                                        \
	{ #selector "+" #waker, &mio__##selector##_ops, &mio__##waker##_ops },
#include "backends.def"
};

static const char *const names[] = {
#define MIO__BACKEND(selector, waker) #selector "+" #waker,
#include "backends.def"
	NULL
};

#define BACKENDS (sizeof(backends) / sizeof(backends[0]))

/* Names that are right somewhere, if not in this build. */
static const char *const selectors[] = { "epoll", "kqueue", "poll", NULL };
static const char *const wakers[] = { "eventfd", "pipe", "user", NULL };

static bool
listed(const char *const *list, const char *name, size_t len)
{
	for (; *list != NULL; list++)
		if (strlen(*list) == len && memcmp(*list, name, len) == 0)
			return true;
	return false;
}

const char *const *
mio_backends(void)
{
	return names;
}

const struct mio__backend *
mio__backend_find(const char *name)
{
	size_t len;
	const char *waker;

	if (name == NULL)
		return &backends[0];
	len = strcspn(name, "+");
	waker = name[len] != '\0' ? name + len + 1 : NULL;
	for (size_t i = 0; i < BACKENDS; i++) {
		const struct mio__backend *backend = &backends[i];

		if (strcmp(backend->name, name) == 0 ||
		    (waker == NULL &&
			strcmp(backend->selector->name, name) == 0))
			return backend;
	}
	if (listed(selectors, name, len) &&
	    (waker == NULL || listed(wakers, waker, strlen(waker))))
		errno = ENOTSUP;
	else
		errno = EINVAL;
	return NULL;
}

size_t
mio__native_size(void)
{
	size_t size = 0;

	for (size_t i = 0; i < BACKENDS; i++)
		if (backends[i].selector->native_size > size)
			size = backends[i].selector->native_size;
	return size;
}
