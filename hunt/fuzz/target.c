/* SPDX-License-Identifier: MIT */
/* The entry of libFuzzer, and of AFL++ by its driver for those. */

#include "config.h"
#include "fuzz.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct op ops[1024];
	struct finding finding;

	if (size > sizeof(ops))
		size = sizeof(ops);
	if (size < sizeof(ops[0]))
		return 0;
	memcpy(ops, data, size);
	if (fuzz(ops, size / sizeof(ops[0]), NULL, &finding, NULL, 0) == NONE)
		return 0;
	fprintf(stderr, "FOUND: %s\n", finding.text);
	abort();
}
