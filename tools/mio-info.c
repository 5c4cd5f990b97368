/* SPDX-License-Identifier: MIT */
/* Tells what libmio is and does on this system: see mio-info(1). */

#include "config.h"

#include <stdio.h>
#include <string.h>
#include <mio.h>

#include "show.h"

static int
usage(FILE *out)
{
	fputs("usage: mio-info [--json]\n"
	      "Tells how libmio was built and what it uses on this system.\n"
	      "\n"
	      "  --json     as JSON\n"
	      "  --help     this\n"
	      "  --version  the version of the library\n",
	    out);
	return out == stderr ? 2 : 0;
}

int
main(int argc, char **argv)
{
	static struct probe probe;
	struct json json = { .out = stdout };
	bool as_json = false;

	for (int i = 1; i < argc; ++i) {
		if (strcmp(argv[i], "--json") == 0) {
			as_json = true;
		} else if (strcmp(argv[i], "--help") == 0) {
			return usage(stdout);
		} else if (strcmp(argv[i], "--version") == 0) {
			printf("mio-info %s\n", mio_version());
			return 0;
		} else {
			fprintf(stderr, "mio-info: unknown %s '%s'\n",
			    argv[i][0] == '-' ? "option" : "argument",
			    argv[i]);
			return usage(stderr);
		}
	}
	probe_run(&probe);
	if (as_json) {
		json_open(&json, NULL, '{');
		show_json(&json, &probe);
		json_close(&json, '{');
	} else {
		show_text(stdout, &probe);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("mio-info: standard output");
		return 1;
	}
	return 0;
}
