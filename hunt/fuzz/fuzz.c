/* SPDX-License-Identifier: MIT */
/* Worlds side by side; sequences made shorter. */

#include "config.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

struct fuzz {
	struct world worlds[WORLDS];
	size_t count;
	jmp_buf escape;
	/* What all agreed on when they had settled last. */
	bool alike[SLOTS][2];
	bool looked; /* since then */
};

/* That slot's results depend on nothing but what was done. */
static bool
comparable(const struct op *op, const struct slot *s)
{
	return is_prompt(s->kind) && strcmp(world_op_name(op), "look") != 0 &&
	       strcmp(world_op_name(op), "serve") != 0;
}

static void
step(struct fuzz *f, const struct op *op)
{
	const struct slot *first = &f->worlds[0].slots[op->slot % SLOTS];
	long expected = 0;

	for (size_t i = 0; i < f->count; i++) {
		struct world *w = &f->worlds[i];
		bool compare = comparable(op, first);
		long result = world_step(w, op);

		if (i == 0)
			expected = result;
		else if (compare && result != expected)
			world_fail(w, UNLIKE, 0, 0, world_op_name(op));
	}
}

/* Armed alike, they must owe alike, and be armed alike afterwards. */
static void
compare(struct fuzz *f)
{
	const struct world *first = &f->worlds[0];

	for (size_t i = 0; i < SLOTS; i++)
		for (size_t which = 0; which < 2; which++) {
			const struct registration *r =
			    &first->slots[i].registrations[which];
			bool alike = true;

			for (size_t k = 1; k < f->count; k++) {
				struct world *w = &f->worlds[k];
				const struct registration *other =
				    &w->slots[i].registrations[which];

				alike = alike && other->armed == r->armed;
				if (f->alike[i][which] && !alike &&
				    !f->looked &&
				    is_prompt(first->slots[i].kind))
					world_fail(w, UNLIKE, r->token,
					    r->armed ^ other->armed,
					    "told otherwise than elsewhere");
			}
			f->alike[i][which] = alike;
		}
	f->looked = false;
}

static void
run(struct fuzz *f, const struct op *ops, size_t count, struct finding *finding)
{
	for (finding->at = 0; finding->at < count; finding->at++) {
		const struct op *op = &ops[finding->at];
		const char *name = world_op_name(op);

		step(f, op);
		if (strcmp(name, "look") == 0 || strcmp(name, "read") == 0 ||
		    strcmp(name, "serve") == 0)
			f->looked = true;
		if (strcmp(name, "settle") == 0)
			compare(f);
	}
	for (size_t i = 0; i < f->count; i++)
		world_settle(&f->worlds[i]);
	compare(f);
}

enum fault
fuzz(const struct op *ops, size_t count, const char *only,
    struct finding *finding, FILE *trace, size_t traced)
{
	static struct fuzz f;
	const char *const *backend = mio_backends();

	memset(&f, 0, sizeof(f));
	for (; *backend != NULL && f.count < WORLDS; backend++) {
		struct world *w = &f.worlds[f.count];

		if (only != NULL && strcmp(only, *backend) != 0)
			continue;
		w->number = f.count;
		w->finding = finding;
		w->escape = &f.escape;
		w->backend = *backend;
		if (trace != NULL && f.count == traced) {
			w->trace = trace;
			trace_begin(w);
		}
		world_open(w, *backend);
		f.count++;
	}
	if (trace == NULL)
		memset(finding, 0, sizeof(*finding));
	if (setjmp(f.escape) == 0)
		run(&f, ops, count, finding);
	if (trace != NULL && traced < f.count)
		trace_end(&f.worlds[traced]);
	for (size_t i = 0; i < f.count; i++)
		world_close(&f.worlds[i]);
	return finding->fault;
}

static bool
still(const struct op *ops, size_t count, struct finding *finding)
{
	struct finding other;

	if (fuzz(ops, count, NULL, &other, NULL, 0) != finding->fault)
		return false;
	*finding = other;
	return true;
}

/* Delta debugging: leaves out ever smaller parts (Zeller, Hildebrandt). */
size_t
shrink(struct op *ops, size_t count, struct finding *finding)
{
	struct op *tried = malloc(count * sizeof(*ops) + 1);
	bool shorter;

	MUST(tried != NULL);
	if (finding->at + 1 < count && still(ops, finding->at + 1, finding))
		count = finding->at + 1;
	do {
		shorter = false;
		for (size_t part = count / 2; part > 0; part /= 2)
			for (size_t i = 0; i + part <= count;) {
				memcpy(tried, ops, i * sizeof(*ops));
				memcpy(tried + i, ops + i + part,
				    (count - i - part) * sizeof(*ops));
				if (still(tried, count - part, finding)) {
					count -= part;
					memcpy(
					    ops, tried, count * sizeof(*ops));
					shorter = true;
				} else {
					i += part;
				}
			}
	} while (shorter);
	/* Then the plainest arguments. */
	for (size_t i = 0; i < count; i++) {
		uint8_t *const fields[] = { &ops[i].b, &ops[i].a };

		for (size_t k = 0; k < 2; k++) {
			uint8_t was = *fields[k];

			*fields[k] = 1;
			if (was != 1 && !still(ops, count, finding))
				*fields[k] = was;
		}
	}
	still(ops, count, finding);
	free(tried);
	return count;
}
