/* SPDX-License-Identifier: MIT */
/* What kind of failure it is, for who ports libmio. */

#ifndef MIO_CONFORMANCE_KINDS_H
#define MIO_CONFORMANCE_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct failure {
	const char *test;
	int which;   /* backend */
	bool set_up; /* as kinds_set_up says of its message */
};

/* The machine has too little of something, or forbids it. */
bool kinds_set_up(const char *file, const char *message);

/*
 * The failures by kind, and where to send them; nothing if there are none.
 * Each line begins with `prefix`.  `backends`: on how many the tests ran.
 */
void kinds_print(FILE *out, const char *prefix,
    const struct failure *failures, size_t count, int backends);

#endif
