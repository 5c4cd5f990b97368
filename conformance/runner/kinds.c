/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "kinds.h"

#include <string.h>
#include <mio.h>

enum kind { SET_UP, ALONE, EVERYWHERE, SOMEWHERE, KINDS };

static const char *const what[KINDS] = {
	[SET_UP] = "the machine has too little (descriptors, disk, memory), or "
		   "forbids something: mend that, and run them again",
	[ALONE] = "on the one backend that ran: the others tell whether it is "
		  "the system's or the backend's",
	[EVERYWHERE] = "on every backend, so the system's calls differ from "
		       "those of all known ones: see what it documents",
	[SOMEWHERE] = "not on every backend, so look at the selector or the "
		      "waker (lib/selector, lib/waker)",
};

bool
kinds_set_up(const char *file, const char *message)
{
	static const char *const signs[] = { "EMFILE", "ENFILE", "ENOSPC",
		"ENOMEM", "EROFS", "EDQUOT", "No space left",
		"Too many open files" };

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); ++i)
		if (strstr(message, signs[i]) != NULL)
			return true;
	return strcmp(file, "names.c") == 0;
}

static enum kind
kind_of(const struct failure *failures, size_t count,
    const struct failure *failure, int backends)
{
	int on = 0;

	if (failure->set_up)
		return SET_UP;
	if (backends == 1)
		return ALONE;
	for (size_t i = 0; i < count; ++i)
		on += strcmp(failures[i].test, failure->test) == 0;
	return on == backends ? EVERYWHERE : SOMEWHERE;
}

/* Whether an earlier one is the same test, where the backends do not matter. */
static bool
was_told(const struct failure *failures, const struct failure *failure)
{
	for (; failures < failure; ++failures)
		if (!failures->set_up &&
		    strcmp(failures->test, failure->test) == 0)
			return true;
	return false;
}

void
kinds_print(FILE *out, const char *prefix, const struct failure *failures,
    size_t count, int backends)
{
	if (count == 0)
		return;
	fprintf(out, "%s%zu failed, for who ports libmio by kind:\n", prefix,
	    count);
	for (int kind = 0; kind < KINDS; ++kind) {
		bool any = false;

		for (size_t i = 0; i < count; ++i) {
			const struct failure *failure = &failures[i];

			if ((int)kind_of(failures, count, failure, backends) !=
				kind ||
			    (kind == EVERYWHERE && was_told(failures, failure)))
				continue;
			if (!any)
				fprintf(out, "%s- %s:\n", prefix, what[kind]);
			any = true;
			fprintf(out, "%s    %s", prefix, failure->test);
			if (kind != EVERYWHERE)
				fprintf(out, " on %s",
				    mio_backends()[failure->which]);
			fputc('\n', out);
		}
	}
	fprintf(out,
	    "%smio_porting(7) says how to go on.  Send all of this, with what "
	    "uname -a says,\n%sto libmio@lists.example.org.\n",
	    prefix, prefix);
}
