/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "gates.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

const struct gate gates[] = {
	{ "wak-08", "*+pipe", "a pipe has no counter that could saturate" },
	{ "wak-09", "*+eventfd", "an eventfd has no buffer that could fill" },
	{ NULL, NULL, NULL },
};

const struct gate *
gate_find(const char *row, const char *backend)
{
	for (const struct gate *gate = gates; gate->row != NULL; ++gate)
		if (strcmp(gate->row, row) == 0 &&
		    fnmatch(gate->backends, backend, 0) == 0)
			return gate;
	return NULL;
}
