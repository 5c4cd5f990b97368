/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "show.h"

#include <mio.h>

static void
print_calls(FILE *out, const struct probe *probe)
{
	fputs("\nSystem calls\n", out);
	for (size_t i = 0; i < PROBE_CALLS; ++i) {
		const struct probe_call *call = &probe->calls[i];

		fprintf(out, "  %-24s", call->name);
		if (probe_used(call))
			fputs("used\n", out);
		else if (call->built && !probe_refused(call))
			fprintf(out, "cannot be told here (%s)\n",
			    probe_errno(call->error));
		else
			fprintf(out, "not used (%s)\n    instead: %s\n",
			    call->built ? probe_errno(call->error) :
				call->error == 0 ? "the build lacked it" :
				"neither the build nor the system has it",
			    call->fallback);
	}
}

static void
print_backends(FILE *out, const struct probe *probe)
{
	fputs("\nBackends, best first\n", out);
	for (size_t i = 0; i < probe->backends_count; ++i) {
		const struct probe_backend *backend = &probe->backends[i];

		fprintf(out, "  %-24s", backend->name);
		if (backend->error != 0)
			fprintf(out, "does not run here (%s)",
			    probe_errno(backend->error));
		else
			fprintf(out, "runs here: waits with %s, wakes with %s",
			    backend->wait, backend->waker);
		if (backend->waker_error != 0)
			fprintf(
			    out, " (%s)", probe_errno(backend->waker_error));
		putc('\n', out);
	}
	if (probe->error == 0)
		fprintf(out, "  default: %s\n", probe->chosen);
	else
		fprintf(out, "  default: none, %s\n",
		    probe_errno(probe->error));
	fprintf(out, "    by %s\n", probe->reason);
}

void
show_text(FILE *out, const struct probe *probe)
{
	const struct probe_system *system = &probe->system;

	fprintf(out, "libmio %s (made for headers %s)\n", mio_version(),
	    MIO_VERSION);
	fputs("\nBuild\n", out);
	fprintf(out, "  %-24s%s\n", "configure arguments",
	    probe->configure[0] != '\0' ? probe->configure : "none");
	fprintf(out, "  %-24s%s\n", "compiler", probe->compiler_version);
	fprintf(out, "  %-24s%s\n", "compiler command", probe->compiler);
	fputs("\nSystem\n", out);
	fprintf(out, "  %-24s%s %s %s\n", "kernel", system->name,
	    system->release, system->machine);
	fprintf(out, "  %-24s%s\n", "kernel version", system->version);
	fprintf(out, "  %-24s%s\n", "libc", system->libc);
	print_backends(out, probe);
	print_calls(out, probe);
	fputs("\nLimits\n", out);
	for (size_t i = 0; i < PROBE_LIMITS; ++i)
		fprintf(out, "  %-28s%s\n", probe->limits[i].name,
		    probe->limits[i].value[0] != '\0' ?
			probe->limits[i].value : "unknown");
}

static void
json_errno(struct json *json, const char *name, int error)
{
	json_text(json, name, error != 0 ? probe_errno(error) : NULL);
}

static void
json_lists(struct json *json, const struct probe *probe)
{
	json_open(json, "backends", '[');
	for (size_t i = 0; i < probe->backends_count; ++i) {
		const struct probe_backend *backend = &probe->backends[i];

		json_open(json, NULL, '{');
		json_text(json, "name", backend->name);
		json_bool(json, "runs", backend->error == 0);
		json_errno(json, "error", backend->error);
		json_text(json, "wait", backend->wait);
		json_text(json, "waker", backend->waker);
		json_errno(json, "waker_error", backend->waker_error);
		json_close(json, '{');
	}
	json_close(json, '[');
	json_open(json, "calls", '[');
	for (size_t i = 0; i < PROBE_CALLS; ++i) {
		const struct probe_call *call = &probe->calls[i];

		json_open(json, NULL, '{');
		json_text(json, "name", call->name);
		json_bool(json, "used", probe_used(call));
		json_bool(json, "built", call->built);
		json_errno(json, "error", call->error);
		json_text(json, "fallback", call->fallback);
		json_close(json, '{');
	}
	json_close(json, '[');
	json_open(json, "limits", '{');
	for (size_t i = 0; i < PROBE_LIMITS; ++i)
		json_text(json, probe->limits[i].name,
		    probe->limits[i].value[0] != '\0' ?
			probe->limits[i].value : NULL);
	json_close(json, '{');
}

void
show_json(struct json *json, const struct probe *probe)
{
	const struct probe_system *system = &probe->system;

	json_text(json, "version", mio_version());
	json_text(json, "header_version", MIO_VERSION);
	json_text(json, "configure", probe->configure);
	json_text(json, "compiler", probe->compiler);
	json_text(json, "compiler_version", probe->compiler_version);
	json_open(json, "system", '{');
	json_text(json, "name", system->name);
	json_text(json, "release", system->release);
	json_text(json, "version", system->version);
	json_text(json, "machine", system->machine);
	json_text(json, "libc", system->libc);
	json_close(json, '{');
	json_open(json, "default", '{');
	json_text(json, "backend", probe->error == 0 ? probe->chosen : NULL);
	json_errno(json, "error", probe->error);
	json_text(json, "by", probe->reason);
	json_text(json, "MIO_BACKEND", probe->variable);
	json_close(json, '{');
	json_lists(json, probe);
}
