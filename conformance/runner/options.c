/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "options.h"

#include "harness.h"
#include "main.h"

#include <stdarg.h>
#include <stdlib.h>

static int
usage(FILE *out)
{
	fputs("usage: mio-conformance [OPTION]...\n"
	      "Tests whether libmio behaves on this system as it promises.\n"
	      "\n"
	      "  --backend NAME     this backend, or those of this selector;"
	      " repeatable\n"
	      "  --area NAME        this area; repeatable\n"
	      "  --jobs N           run N cells, a backend's area each, at"
	      " a time [1]\n"
	      "  --list[=WHAT]      list backends, suites, tests or gates, or"
	      " all of these\n"
	      "  --report[=FORMAT]  report on this system: text, html or"
	      " json [text]\n"
	      "  --output FILE      write the report there\n"
	      "  --tap[=FILE]       results as TAP\n"
	      "  --junit[=FILE]     results as JUnit XML\n"
	      "  --counts FILE      backend, area, passed, failed, gated;"
	      " a line for a cell\n"
	      "  --verbose          name the tests that passed, too\n"
	      "  --help             this\n"
	      "  --version          the version of the library\n"
	      "\n"
	      "Exit status: 0 all passed, 1 some failed, 2 it could not"
	      " run.\n",
	    out);
	return out == stderr ? 2 : 0;
}

static int complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static int
complain(const char *format, ...)
{
	va_list args;

	fputs("mio-conformance: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\n", stderr);
	return 2;
}

static int
want_backend(struct options *options, const char *wanted)
{
	size_t len = strlen(wanted);
	bool known = false;

	for (size_t i = 0; i < backends_count(); ++i) {
		const char *name = mio_backends()[i];

		if (strncmp(name, wanted, len) == 0 &&
		    (name[len] == '\0' || name[len] == '+'))
			known = options->backends[i] = true;
	}
	if (known)
		return -1;
	return complain("no backend '%s' in this library; see --list=backends",
	    wanted);
}

static int
want_area(struct options *options, const char *wanted)
{
	for (size_t a = 0; a < areas_count; ++a)
		if (strcmp(areas[a].name, wanted) == 0) {
			options->areas[a] = true;
			return -1;
		}
	return complain("no area '%s'; see --list=suites", wanted);
}

static int
one_of(const char *option, const char *value, const char *const *choices)
{
	for (size_t i = 0; choices[i] != NULL; ++i)
		if (strcmp(value, choices[i]) == 0)
			return -1;
	return complain("%s=%s is not known; see --help", option, value);
}

static int
set_jobs(struct options *options, const char *value)
{
	char *end;
	long jobs = strtol(value, &end, 10);

	if (end == value || *end != '\0' || jobs < 1 || jobs > JOBS_MAX)
		return complain("--jobs %s: say a number from 1 to %d", value,
		    JOBS_MAX);
	options->jobs = (int)jobs;
	return -1;
}

enum need { NONE, OPTIONAL, REQUIRED };

enum {
	OPTION_AREA,
	OPTION_BACKEND,
	OPTION_COUNTS,
	OPTION_HELP,
	OPTION_JOBS,
	OPTION_JUNIT,
	OPTION_LIST,
	OPTION_OUTPUT,
	OPTION_REPORT,
	OPTION_TAP,
	OPTION_VERBOSE,
	OPTION_VERSION
};

static const struct {
	const char *name;
	enum need need;
} table[] = {
	[OPTION_AREA] = { "--area", REQUIRED },
	[OPTION_BACKEND] = { "--backend", REQUIRED },
	[OPTION_COUNTS] = { "--counts", REQUIRED },
	[OPTION_HELP] = { "--help", NONE },
	[OPTION_JOBS] = { "--jobs", REQUIRED },
	[OPTION_JUNIT] = { "--junit", OPTIONAL },
	[OPTION_LIST] = { "--list", OPTIONAL },
	[OPTION_OUTPUT] = { "--output", REQUIRED },
	[OPTION_REPORT] = { "--report", OPTIONAL },
	[OPTION_TAP] = { "--tap", OPTIONAL },
	[OPTION_VERBOSE] = { "--verbose", NONE },
	[OPTION_VERSION] = { "--version", NONE },
};

static int
set(struct options *options, size_t which, const char *value)
{
	static const char *const lists[] = { "all", "backends", "suites",
		"tests", "gates", NULL };
	static const char *const formats[] = { "text", "html", "json", NULL };

	switch (which) {
	case OPTION_AREA:
		return want_area(options, value);
	case OPTION_BACKEND:
		return want_backend(options, value);
	case OPTION_COUNTS:
		options->counts = value;
		return -1;
	case OPTION_HELP:
		return usage(stdout);
	case OPTION_JOBS:
		return set_jobs(options, value);
	case OPTION_JUNIT:
		options->junit = value != NULL ? value : "-";
		return -1;
	case OPTION_LIST:
		options->list = value != NULL ? value : "all";
		return one_of("--list", options->list, lists);
	case OPTION_OUTPUT:
		options->output = value;
		return -1;
	case OPTION_REPORT:
		options->report = value != NULL ? value : "text";
		return one_of("--report", options->report, formats);
	case OPTION_TAP:
		options->tap = value != NULL ? value : "-";
		return -1;
	case OPTION_VERBOSE:
		options->verbose = true;
		return -1;
	default:
		printf("mio-conformance %s\n", mio_version());
		return 0;
	}
}

/* The option that argv[*i] begins, and its value. */
static int
read_one(struct options *options, char **argv, int *i)
{
	const char *text = argv[*i];
	size_t len = strcspn(text, "=");
	const char *value = text[len] == '=' ? text + len + 1 : NULL;

	for (size_t o = 0; o < LEN(table); ++o) {
		if (strlen(table[o].name) != len ||
		    strncmp(table[o].name, text, len) != 0)
			continue;
		if (table[o].need == NONE && value != NULL)
			return complain("%s takes no value", table[o].name);
		if (table[o].need == REQUIRED && value == NULL)
			value = argv[++*i];
		if (table[o].need == REQUIRED && value == NULL)
			return complain("%s needs a value", table[o].name);
		if (value != NULL && value[0] == '\0')
			return complain(
			    "%s: the value is empty", table[o].name);
		return set(options, o, value);
	}
	complain("unknown %s '%s'", text[0] == '-' ? "option" : "argument",
	    text);
	return usage(stderr);
}

static int
is_stdout(const char *file)
{
	return file != NULL && strcmp(file, "-") == 0;
}

static int
complete(struct options *options)
{
	bool any = false;

	if (options->output != NULL && options->report == NULL)
		return complain("--output is for --report");
	if (options->report != NULL && options->output == NULL)
		options->output = "-";
	if (is_stdout(options->output) + is_stdout(options->tap) +
		is_stdout(options->junit) > 1)
		return complain("standard output is for one of --report, --tap"
			    " and --junit; give the others a file");
	for (size_t i = 0; i < backends_count(); ++i)
		any |= options->backends[i];
	for (size_t i = 0; i < backends_count(); ++i)
		options->backends[i] |= !any;
	any = false;
	for (size_t a = 0; a < areas_count; ++a)
		any |= options->areas[a];
	for (size_t a = 0; a < areas_count; ++a)
		options->areas[a] |= !any;
	return -1;
}

int
options_read(struct options *options, int argc, char **argv)
{
	int status = -1;

	memset(options, 0, sizeof(*options));
	options->jobs = 1;
	if (backends_count() > BACKENDS_MAX || areas_count > AREAS_MAX)
		abort();
	for (int i = 1; i < argc && status < 0; ++i)
		status = read_one(options, argv, &i);
	return status < 0 ? complete(options) : status;
}
