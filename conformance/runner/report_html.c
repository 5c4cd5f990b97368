/* SPDX-License-Identifier: MIT */
/* The report as one page of HTML that needs nothing else. */

#include "config.h"

#include "report.h"

#include "gates.h"
#include "harness.h"
#include "probe.h"
#include "text.h"

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1c2024;--dim:#5b636b;--page:#fff;"
    "--box:#f5f6f8;--line:#d5d9de;--bad:#b42318;--bad-box:#fde8e6;"
    "--odd:#8a5a00;--odd-box:#fdf1d8;--good:#19703b}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e7ea;--dim:#9aa3ac;"
    "--page:#14171a;--box:#1d2226;--line:#363d44;--bad:#ff9d94;"
    "--bad-box:#4a1a17;--odd:#f3c667;--odd-box:#42310c;--good:#7fd39d}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:75rem;padding:1.5rem 1rem 4rem;"
    "background:var(--page);color:var(--ink);"
    "font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}\n"
    "h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem}\n"
    "h2{font-size:1.2rem;margin:2.5rem 0 .5rem}\n"
    "h3{font-size:1rem;margin:1.75rem 0 .5rem}\n"
    "p{margin:.5rem 0;max-width:46rem}\n"
    "a{color:inherit}.go a{margin-right:1rem}\n"
    ".dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}\n"
    ".sum{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;margin:1rem 0;"
    "padding:.75rem 1rem;background:var(--box);border-radius:.5rem}\n"
    ".sum b{font-size:1.3rem;font-variant-numeric:tabular-nums}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;"
    "gap:.15rem 1.25rem;margin:.5rem 0}\n"
    "dt{color:var(--dim)}dd{margin:0}\n"
    "code,.flags,.native{font-family:ui-monospace,monospace;"
    "font-size:.875rem}\n"
    ".wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}\n"
    "th,td{padding:.35rem .6rem;text-align:left;vertical-align:top;"
    "border-bottom:1px solid var(--line)}\n"
    "thead th{color:var(--dim);font-weight:600;white-space:nowrap}\n"
    "tbody th{font-weight:500}\n"
    ".num th{white-space:nowrap}\n"
    ".num td,.num thead th+th{text-align:right;white-space:nowrap;"
    "font-variant-numeric:tabular-nums}\n"
    ".num td b{font-weight:600}\n"
    ".flags{display:inline-block;min-width:7.5em;white-space:nowrap}\n"
    ".native{color:var(--dim);white-space:nowrap}\n"
    "td.differs{background:var(--bad-box);"
    "box-shadow:inset .25rem 0 var(--bad)}\n"
    "td.differs .flags::after{content:\" \\2260\";color:var(--bad)}\n"
    "td.other{background:var(--odd-box)}\n"
    "td.other .native{color:var(--odd)}\n"
    ".key{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;"
    "font-size:.875rem;margin:.5rem 0}\n"
    ".key span{padding:0 .4rem;border-radius:.25rem}\n"
    ".fail{margin:.4rem 0;padding:.3rem .9rem;font-size:.9rem;"
    "background:var(--bad-box);border-left:.25rem solid var(--bad);"
    "border-radius:.25rem}\n"
    ".fail p{margin:0;max-width:none}\n"
    "@media(max-width:40rem){dl{grid-template-columns:1fr}"
    "dd{margin:0 0 .4rem}\n"
    ".stack thead{display:none}.stack,.stack tbody,.stack tr,.stack th,"
    ".stack td{display:block}\n"
    ".stack th{font-weight:600}"
    ".stack tr{border-bottom:1px solid var(--line);padding:.5rem 0}"
    ".stack th,.stack td{border:0;padding:.1rem .5rem}\n"
    ".stack td{display:grid;grid-template-columns:8.5rem 1fr}"
    ".stack td::before{content:attr(data-of);color:var(--dim)}}\n";

static void
element(FILE *out, const char *name, const char *text)
{
	fprintf(out, "<%s>", name);
	text_xml(out, text);
	fprintf(out, "</%s>\n", name);
}

static void
term(FILE *out, const char *name, const char *text)
{
	element(out, "dt", name);
	element(out, "dd", text);
}

static void
html_head(const struct results *results, FILE *out,
    const struct probe_system *system)
{
	char title[300];

	snprintf(title, sizeof(title), "libmio %s on %s %s %s",
	    mio_version(), system->name, system->release, system->machine);
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	      "<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,"
	      "initial-scale=1\">\n",
	    out);
	element(out, "title", title);
	fprintf(out, "<style>\n%s</style>\n</head>\n<body>\n", style);
	element(out, "h1", title);
	fputs("<p class=\"dim\">Report of mio-conformance: what the system "
	      "is, how libmio's backends behave on it.</p>\n",
	    out);
	fprintf(out,
	    "<div class=\"sum\"><span class=\"good\"><b>%d</b> "
	    "passed</span><span class=\"%s\"><b>%d</b> failed</span><span>"
	    "<b>%d</b> gated</span><span class=\"dim\"><b>%.0f</b> "
	    "s</span></div>\n",
	    results->all.passed, results->all.failed > 0 ? "bad" : "dim",
	    results->all.failed, results->all.gated, results->seconds);
	fputs("<p class=\"go\"><a href=\"#matrix\">Matrix</a> "
	      "<a href=\"#results\">Conformance</a> ",
	    out);
	if (results->all.failed > 0)
		fputs("<a href=\"#failed\">Failed</a> ", out);
	fputs("<a href=\"#gates\">Gates</a> <a href=\"#system\">System</a> "
	      "<a href=\"#backends\">Backends</a></p>\n",
	    out);
}

static void
html_system(FILE *out, const struct probe *probe)
{
	const struct probe_system *system = &probe->system;
	char text[300];

	fputs("<h2 id=\"system\">System</h2>\n<dl>\n", out);
	snprintf(text, sizeof(text), "%s %s %s", system->name,
	    system->release, system->machine);
	term(out, "Kernel", text);
	term(out, "Kernel version", system->version);
	term(out, "libc", system->libc);
	snprintf(text, sizeof(text), "%s, by %s",
	    probe->error == 0 ? probe->chosen : probe_errno(probe->error),
	    probe->reason);
	term(out, "Default backend", text);
	term(out, "Configured with",
	    probe->configure[0] != '\0' ? probe->configure : "no arguments");
	term(out, "Compiler", probe->compiler_version);
	term(out, "Compiler command", probe->compiler);
	for (size_t i = 0; i < PROBE_LIMITS; ++i)
		term(out, probe->limits[i].name,
		    probe->limits[i].value[0] != '\0' ?
			probe->limits[i].value : "unknown");
	fputs("</dl>\n", out);
}

static void
td_of(FILE *out, const char *of, const char *class)
{
	fputs("<td", out);
	if (class != NULL)
		fprintf(out, " class=\"%s\"", class);
	fputs(" data-of=\"", out);
	text_xml(out, of);
	fputs("\">", out);
}

static void
td(FILE *out, const char *of, const char *text)
{
	td_of(out, of, NULL);
	text_xml(out, text);
	fputs("</td>", out);
}

static void
html_backends(FILE *out, const struct probe *probe)
{
	fputs("<h2 id=\"backends\">Backends</h2>\n"
	      "<table class=\"stack\"><thead><tr><th>Best first</th>"
	      "<th>Runs here</th><th>Waits with</th>"
	      "<th>Wakes with</th></tr></thead><tbody>\n",
	    out);
	for (size_t i = 0; i < probe->backends_count; ++i) {
		const struct probe_backend *backend = &probe->backends[i];

		fputs("<tr>", out);
		element(out, "th", backend->name);
		td(out, "Runs here", backend->error == 0 ? "yes" :
			probe_errno(backend->error));
		td(out, "Waits with", backend->wait);
		td_of(out, "Wakes with", NULL);
		if (backend->waker_error == 0)
			text_xml(out, backend->waker);
		else
			fprintf(out, "no wakers: %s",
			    probe_errno(backend->waker_error));
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody></table>\n<h2>System calls</h2>\n"
	      "<table class=\"stack\"><thead><tr><th>Call or flag</th>"
	      "<th>Used</th><th>Else</th></tr></thead><tbody>\n",
	    out);
	for (size_t i = 0; i < PROBE_CALLS; ++i) {
		const struct probe_call *call = &probe->calls[i];

		fputs("<tr>", out);
		element(out, "th", call->name);
		td_of(out, "Used", NULL);
		if (probe_used(call))
			fputs("yes", out);
		else
			fprintf(out, "no: %s", probe_why(call));
		fputs("</td>", out);
		td(out, "Else", call->fallback);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table>\n", out);
}

static void
html_counts(FILE *out, const struct results *results, size_t area,
    size_t which)
{
	CELLS_FOREACH (cell, results) {
		if (cell->area != &areas[area] || cell->which != (int)which ||
		    counts_sum(&cell->counts) == 0)
			continue;
		fprintf(out, "<td%s>%d / %s%d%s / %d</td>",
		    cell->counts.failed > 0 ? " class=\"differs\"" : "",
		    cell->counts.passed,
		    cell->counts.failed > 0 ? "<b class=\"bad\">" : "",
		    cell->counts.failed, cell->counts.failed > 0 ? "</b>" : "",
		    cell->counts.gated);
		return;
	}
	fputs("<td class=\"dim\">-</td>", out);
}

static void
html_results(FILE *out, const struct results *results)
{
	fputs("<h2 id=\"results\">Conformance</h2>\n"
	      "<p class=\"dim\">passed / failed / gated</p>\n"
	      "<div class=\"wide\"><table class=\"num\"><thead>"
	      "<tr><th>Area</th>",
	    out);
	for (size_t i = 0; i < backends_count(); ++i)
		if (results->options->backends[i])
			element(out, "th", mio_backends()[i]);
	fputs("</tr></thead><tbody>\n", out);
	for (size_t a = 0; a < areas_count; ++a) {
		if (!results->options->areas[a])
			continue;
		fputs("<tr>", out);
		element(out, "th", areas[a].name);
		for (size_t i = 0; i < backends_count(); ++i)
			if (results->options->backends[i])
				html_counts(out, results, a, i);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

static void
html_failures(FILE *out, const struct results *results)
{
	if (results->all.failed == 0)
		return;
	fputs("<h2 id=\"failed\">Failed</h2>\n", out);
	CELLS_FOREACH (cell, results)
		TESTS_FOREACH (test, cell) {
			const struct outcome *outcome =
			    cell_outcome(cell, test);

			if (outcome->verdict != FAILED)
				continue;
			fprintf(out,
			    "<div class=\"fail\"><p><b>%s.%s</b> ",
			    cell_backend(cell), cell->area->name);
			text_xml(out, cell->area->tests[test]->name);
			fputs("</p><p>", out);
			text_xml(out, outcome->message);
			fputs("</p><p class=\"dim\">", out);
			text_xml(out, outcome->file);
			fprintf(out, ":%d</p></div>\n", outcome->line);
		}
}

static void
html_gates(FILE *out, const struct results *results)
{
	fputs("<h2 id=\"gates\">Gates</h2>\n"
	      "<p>Rows of the catalogue that a backend is excused from, and "
	      "why.</p>\n<table class=\"stack\"><thead>"
	      "<tr><th>Row</th><th>Backends</th><th>Reason</th></tr>"
	      "</thead><tbody>\n",
	    out);
	for (const struct gate *gate = gates; gate->row != NULL; ++gate) {
		fputs("<tr>", out);
		element(out, "th", gate->row);
		td(out, "Backends", gate->backends);
		td(out, "Reason", gate->reason);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table>\n", out);
	if (results->all.gated == 0)
		return;
	fputs("<h3>Gated in this run</h3>\n<table class=\"stack\"><thead>"
	      "<tr><th>Test</th><th>On</th><th>Reason</th></tr></thead>"
	      "<tbody>\n",
	    out);
	CELLS_FOREACH (cell, results)
		TESTS_FOREACH (test, cell) {
			const struct outcome *outcome =
			    cell_outcome(cell, test);

			if (outcome->verdict != GATED)
				continue;
			fputs("<tr>", out);
			element(out, "th", cell->area->tests[test]->name);
			td(out, "On", cell_backend(cell));
			td(out, "Reason", outcome->reason);
			fputs("</tr>\n", out);
		}
	fputs("</tbody></table>\n", out);
}

static void
html_flags(FILE *out, unsigned flags, uint32_t native)
{
	char letters[40];

	fprintf(out,
	    "<span><span class=\"flags\">%s</span> <span class=\"native\">%#x"
	    "</span></span></td>",
	    flag_letters(flags, letters, sizeof(letters)), (unsigned)native);
}

static void
html_outcome(FILE *out, size_t situation, size_t which)
{
	static const char *const classes[] = { "dim", NULL, "other",
		"differs" };
	const struct outcome *outcome = matrix_outcome(situation, which);
	enum look look = matrix_look(situation, which);

	td_of(out, mio_backends()[which], classes[look]);
	if (outcome->observed)
		html_flags(out, outcome->seen.flags, outcome->seen.native);
	else
		fprintf(out, "<span class=\"flags\">%s</span></td>",
		    look == DIFFERS ? "failed" : "not run");
}

static void
html_selector(
    const struct results *results, FILE *out, const char *selector)
{
	fputs("<h3>", out);
	text_xml(out, selector);
	fputs("</h3>\n<table class=\"stack\"><thead><tr><th>Situation</th>"
	      "<th>Expected</th>",
	    out);
	for (size_t i = 0; i < backends_count(); ++i)
		if (matrix_column(results, i, selector))
			element(out, "th", mio_backends()[i]);
	fputs("</tr></thead><tbody>\n", out);
	for (size_t s = 0; s < situations_count; ++s) {
		const struct golden *golden =
		    situation_golden(&situations[s], selector);

		fputs("<tr>", out);
		element(out, "th", situations[s].what);
		td_of(out, "Expected", NULL);
		if (golden != NULL)
			html_flags(
			    out, golden_flags(golden), golden->native);
		else
			fputs("not known</td>", out);
		for (size_t i = 0; i < backends_count(); ++i)
			if (matrix_column(results, i, selector))
				html_outcome(out, s, i);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table>\n", out);
}

static void
html_matrix(FILE *out, const struct results *results)
{
	char selector[SELECTOR_SIZE];

	fputs("<h2 id=\"matrix\">Matrix</h2>\n", out);
	if (!matrix_ran(results)) {
		fputs("<p>It was not run; it is the area matrix.</p>\n", out);
		return;
	}
	fputs("<p>What each situation delivered, in all events together, "
	      "beside what is expected; interests are R and W where none are "
	      "named. Readiness may be more than is expected; rc, wc, E and "
	      "P must be the same.</p>\n"
	      "<p class=\"dim\">R readable, W writable, E error, P priority, "
	      "rc read_closed, wc write_closed. Native flags on Linux: 1 IN, "
	      "2 PRI, 4 OUT, 8 ERR, 0x10 HUP, 0x2000 RDHUP.</p>\n"
	      "<table><tbody><tr><td class=\"differs\"><span class=\"flags\">"
	      "differs</span></td><td class=\"other\">only the native flags "
	      "are others than Linux 6.18's</td></tr></tbody></table>\n",
	    out);
	for (size_t i = 0; i < backends_count(); ++i)
		if (matrix_selector(results, i, selector))
			html_selector(results, out, selector);
}

void
report_html(const struct results *results, FILE *out)
{
	static struct probe probe;

	probe_run(&probe);
	html_head(results, out, &probe.system);
	html_matrix(out, results);
	html_results(out, results);
	html_failures(out, results);
	html_gates(out, results);
	html_system(out, &probe);
	html_backends(out, &probe);
	fputs("</body>\n</html>\n", out);
}
