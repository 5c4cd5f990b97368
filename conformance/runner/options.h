/* SPDX-License-Identifier: MIT */
/* The command line of mio-conformance. */

#ifndef MIO_CONFORMANCE_OPTIONS_H
#define MIO_CONFORMANCE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { BACKENDS_MAX = 32, AREAS_MAX = 64, JOBS_MAX = 256 };

struct options {
	bool backends[BACKENDS_MAX]; /* wanted, by place in mio_backends() */
	bool areas[AREAS_MAX];       /* by place in areas[] */
	int jobs;
	bool verbose;
	const char *list;   /* what of; NULL: run */
	const char *tap;    /* a file, "-" for standard output, or NULL */
	const char *junit;
	const char *report; /* "text", "html", "json" or NULL */
	const char *output; /* of the report */
	const char *counts; /* for make check */
};

/* -1: go on; else the status to exit with. */
int options_read(struct options *options, int argc, char **argv);

#endif
