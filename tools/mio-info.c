/* SPDX-License-Identifier: MIT */
/* Tells what libmio is and does on this system: see mio-info(1). */

#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <mio.h>

#include "probe.h"
#include "text.h"

static void
print_calls(const struct probe *probe)
{
	puts("\nSystem calls");
	for (size_t i = 0; i < PROBE_CALLS; ++i) {
		const struct probe_call *call = &probe->calls[i];

		printf("  %-24s", call->name);
		if (probe_used(call))
			puts("used");
		else if (call->built && !probe_refused(call))
			printf("cannot be told here (%s)\n",
			    probe_errno(call->error));
		else
			printf("not used (%s)\n    instead: %s\n",
			    call->built ? probe_errno(call->error) :
				call->error == 0 ? "the build lacked it" :
				"neither the build nor the system has it",
			    call->fallback);
	}
}

static void
print_backends(const struct probe *probe)
{
	puts("\nBackends, best first");
	for (size_t i = 0; i < probe->backends_count; ++i) {
		const struct probe_backend *backend = &probe->backends[i];

		printf("  %-24s", backend->name);
		if (backend->error != 0)
			printf("does not run here (%s)",
			    probe_errno(backend->error));
		else
			printf("runs here: waits with %s, wakes with %s",
			    backend->wait, backend->waker);
		if (backend->waker_error != 0)
			printf(" (%s)", probe_errno(backend->waker_error));
		putchar('\n');
	}
	if (probe->error == 0)
		printf("  default: %s\n", probe->chosen);
	else
		printf("  default: none, %s\n", probe_errno(probe->error));
	printf("    by %s\n", probe->reason);
}

static void
print_text(const struct probe *probe)
{
	const struct probe_system *system = &probe->system;

	printf("libmio %s (made for headers %s)\n", mio_version(),
	    MIO_VERSION);
	puts("\nBuild");
	printf("  %-24s%s\n", "configure arguments",
	    probe->configure[0] != '\0' ? probe->configure : "none");
	printf("  %-24s%s\n", "compiler", probe->compiler_version);
	printf("  %-24s%s\n", "compiler command", probe->compiler);
	puts("\nSystem");
	printf("  %-24s%s %s %s\n", "kernel", system->name, system->release,
	    system->machine);
	printf("  %-24s%s\n", "kernel version", system->version);
	printf("  %-24s%s\n", "libc", system->libc);
	print_backends(probe);
	print_calls(probe);
	puts("\nLimits");
	for (size_t i = 0; i < PROBE_LIMITS; ++i)
		printf("  %-28s%s\n", probe->limits[i].name,
		    probe->limits[i].value[0] != '\0' ?
			probe->limits[i].value : "unknown");
}

/* "name": "text", or null. */
static void
member(const char *before, const char *name, const char *text)
{
	fputs(before, stdout);
	text_json(stdout, name);
	fputs(": ", stdout);
	if (text == NULL)
		fputs("null", stdout);
	else
		text_json(stdout, text);
}

static void
member_errno(const char *name, int error)
{
	member(", ", name, error != 0 ? probe_errno(error) : NULL);
}

static void
print_json_lists(const struct probe *probe)
{
	fputs(",\n  \"backends\": [", stdout);
	for (size_t i = 0; i < probe->backends_count; ++i) {
		const struct probe_backend *backend = &probe->backends[i];

		member(i == 0 ? "\n    {" : ",\n    {", "name", backend->name);
		printf(", \"runs\": %s",
		    backend->error == 0 ? "true" : "false");
		member_errno("error", backend->error);
		member(", ", "wait", backend->wait);
		member(", ", "waker", backend->waker);
		member_errno("waker_error", backend->waker_error);
		putchar('}');
	}
	fputs("\n  ],\n  \"calls\": [", stdout);
	for (size_t i = 0; i < PROBE_CALLS; ++i) {
		const struct probe_call *call = &probe->calls[i];

		member(i == 0 ? "\n    {" : ",\n    {", "name", call->name);
		printf(", \"used\": %s, \"built\": %s",
		    probe_used(call) ? "true" : "false",
		    call->built ? "true" : "false");
		member_errno("error", call->error);
		member(", ", "fallback", call->fallback);
		putchar('}');
	}
	fputs("\n  ],\n  \"limits\": {", stdout);
	for (size_t i = 0; i < PROBE_LIMITS; ++i)
		member(i == 0 ? "\n    " : ",\n    ", probe->limits[i].name,
		    probe->limits[i].value[0] != '\0' ?
			probe->limits[i].value : NULL);
	fputs("\n  }\n}\n", stdout);
}

static void
print_json(const struct probe *probe)
{
	const struct probe_system *system = &probe->system;

	member("{\n  ", "version", mio_version());
	member(",\n  ", "header_version", MIO_VERSION);
	member(",\n  ", "configure", probe->configure);
	member(",\n  ", "compiler", probe->compiler);
	member(",\n  ", "compiler_version", probe->compiler_version);
	fputs(",\n  \"system\": {", stdout);
	member("\n    ", "name", system->name);
	member(",\n    ", "release", system->release);
	member(",\n    ", "version", system->version);
	member(",\n    ", "machine", system->machine);
	member(",\n    ", "libc", system->libc);
	fputs("\n  },\n  \"default\": {", stdout);
	member("", "backend", probe->error == 0 ? probe->chosen : NULL);
	member_errno("error", probe->error);
	member(", ", "by", probe->reason);
	member(", ", "MIO_BACKEND", probe->variable);
	putchar('}');
	print_json_lists(probe);
}

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
	bool json = false;

	for (int i = 1; i < argc; ++i) {
		if (strcmp(argv[i], "--json") == 0) {
			json = true;
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
	if (json)
		print_json(&probe);
	else
		print_text(&probe);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("mio-info: standard output");
		return 1;
	}
	return 0;
}
