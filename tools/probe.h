/* SPDX-License-Identifier: MIT */
/* What this system has and what libmio makes of it. */

#ifndef MIO_TOOLS_PROBE_H
#define MIO_TOOLS_PROBE_H

#include <stdbool.h>
#include <stddef.h>

/* A call, or a flag of one, that libmio can do without. */
struct probe_call {
	const char *name;
	const char *fallback; /* what it does instead */
	bool built;           /* configure found it */
	int error;            /* 0, or why the system refuses it */
};

/* As the library decides: another error than a refusal is no answer. */
bool probe_used(const struct probe_call *call);
bool probe_refused(const struct probe_call *call);

struct probe_backend {
	const char *name;
	int error;        /* 0: it runs here */
	int waker_error;  /* the same of its waker */
	const char *wait; /* the call that waits with a timeout */
	const char *waker;
};

struct probe_limit {
	const char *name;
	char value[64]; /* "unlimited", or a number; empty: not known here */
};

struct probe_system {
	char name[80]; /* uname(2) */
	char release[80];
	char version[160];
	char machine[80];
	char libc[80];
};

enum { PROBE_BACKENDS = 32, PROBE_CALLS = 7, PROBE_LIMITS = 6 };

struct probe {
	struct probe_system system;
	struct probe_call calls[PROBE_CALLS];
	struct probe_limit limits[PROBE_LIMITS];
	struct probe_backend backends[PROBE_BACKENDS];
	size_t backends_count;

	const char *configure; /* its arguments */
	const char *compiler;  /* command and flags */
	const char *compiler_version;

	const char *variable; /* MIO_BACKEND, if it is heeded */
	char chosen[40];      /* what a new poll is; else error says why not */
	int error;
	char reason[200]; /* why it is that */
};

void probe_run(struct probe *probe);
/* The errno's name, "ENOSYS"; or a number. */
const char *probe_errno(int error);

#endif
