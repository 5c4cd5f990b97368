/* SPDX-License-Identifier: MIT */
/* The event buffer, and events as text. */

#include "config.h"
#include "selector.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "append.h"

/* struct mio_events begins as <mio/event.h> tells MIO_EVENTS_FOREACH. */
_Static_assert(offsetof(struct mio_events, head) == 0, "head");
_Static_assert(offsetof(struct mio_events, list) == MIO_EVENTS_AT_, "list");

/* The symbols of the header's inline functions. */
extern inline bool mio_event_is_readable(const struct mio_event *event);
extern inline bool mio_event_is_writable(const struct mio_event *event);
extern inline bool mio_event_is_read_closed(const struct mio_event *event);
extern inline bool mio_event_is_write_closed(const struct mio_event *event);
extern inline bool mio_event_is_error(const struct mio_event *event);
extern inline bool mio_event_is_priority(const struct mio_event *event);
extern inline bool mio_event_is_aio(const struct mio_event *event);
extern inline bool mio_event_is_lio(const struct mio_event *event);

/*
 * Behind the list: which events have a token.  Who forgets a second one of a
 * batch forgets many, perhaps each: then the batch is indexed, by hash, and
 * to forget all of it takes time in proportion to it.  Places count from 1.
 */
struct index {
	uint32_t built; /* for the batch that is there */
	struct {
		uint32_t next; /* with the same hash as the event here */
		uint32_t head; /* of those with this hash */
	} at[];
};

static size_t
event_size(void)
{
	size_t size = mio__native_size();

	return size > sizeof(struct mio_event) ? size
					       : sizeof(struct mio_event);
}

static struct index *
index_of(struct mio_events *events)
{
	return (void *)((char *)events->list +
	    events->capacity * event_size());
}

int
mio_events_new(struct mio_events **events, size_t capacity)
{
	struct mio_events *made;
	size_t size = event_size();

	if (events == NULL || capacity == 0)
		return mio__fail(EINVAL);
	if (capacity > (PTRDIFF_MAX - sizeof(*made) - sizeof(struct index)) /
		    (size + sizeof(((struct index *)0)->at[0])))
		return mio__fail(ENOMEM);
	made = malloc(sizeof(*made) + capacity * size + sizeof(struct index) +
	    capacity * sizeof(((struct index *)0)->at[0]));
	if (made == NULL)
		return -1;
	mio__set_count(made, 0);
	made->capacity = capacity;
	made->limit =
	    (int)(capacity < INT_MAX / size ? capacity : INT_MAX / size);
	*events = made;
	return 0;
}

void
mio_events_free(struct mio_events *events)
{
	free(events);
}

void
mio_events_clear(struct mio_events *events)
{
	if (events != NULL)
		mio__set_count(events, 0);
}

size_t
mio_events_capacity(const struct mio_events *events)
{
	return events != NULL ? events->capacity : 0;
}

size_t
mio_events_count(const struct mio_events *events)
{
	const struct mio_event *end;

	if (events == NULL)
		return 0;
	end = events->head.end != NULL ? events->head.end : events->head.last;
	return (size_t)(end - events->list);
}

const struct mio_event *
mio_events_get(const struct mio_events *events, size_t i)
{
	return i < mio_events_count(events) ? &events->list[i] : NULL;
}

static void
forget(struct mio_events *events, struct mio_event *event)
{
	event->readiness = 0;
	if (event == events->list)
		event->native = MIO_EVENTS_NONE_;
}

/* Fibonacci hashing: tokens are mostly addresses, or count from 0. */
static size_t
hash(mio_token token, size_t count)
{
	uint32_t mixed =
	    (uint32_t)((token * UINT64_C(0x9e3779b97f4a7c15)) >> 32);

	return (size_t)(((uint64_t)mixed * count) >> 32);
}

static void
build_index(struct mio_events *events, size_t count)
{
	struct index *index = index_of(events);

	for (size_t i = 0; i < count; i++)
		index->at[i].head = 0;
	for (size_t i = count; i-- > 0;) {
		size_t h = hash(events->list[i].token, count);

		index->at[i].next = index->at[h].head;
		index->at[h].head = (uint32_t)(i + 1);
	}
	index->built = true;
}

void
mio_events_forget(struct mio_events *events, mio_token token)
{
	struct index *index;
	uint32_t *link;
	size_t count;

	if (events == NULL)
		return;
	count = mio_events_count(events);
	index = index_of(events);
	if (events->head.end != NULL) {
		/* The first since the wait; mio__set_count undoes `end`. */
		events->head.last = events->head.end;
		events->head.end = NULL;
		index->built = false;
		for (size_t i = 0; i < count; i++)
			if (events->list[i].token == token)
				forget(events, &events->list[i]);
		return;
	}
	if (count == 0)
		return;
	if (!index->built)
		build_index(events, count);
	/* What is forgotten leaves: to forget it again finds nothing. */
	link = &index->at[hash(token, count)].head;
	while (*link != 0) {
		uint32_t i = *link - 1;

		if (events->list[i].token == token) {
			forget(events, &events->list[i]);
			*link = index->at[i].next;
		} else {
			link = &index->at[i].next;
		}
	}
}

static const struct {
	unsigned bit;
	const char *name;
} bits[] = {
	{ MIO_READABLE, "READABLE" },
	{ MIO_WRITABLE, "WRITABLE" },
	{ MIO_AIO, "AIO" },
	{ MIO_LIO, "LIO" },
	{ MIO_PRIORITY, "PRIORITY" },
	{ MIO_EXCLUSIVE, "EXCLUSIVE" },
	{ MIO_LEVEL, "LEVEL" },
	{ MIO_READ_CLOSED, "READ_CLOSED" },
	{ MIO_WRITE_CLOSED, "WRITE_CLOSED" },
	{ MIO_ERROR, "ERROR" },
};

/* The names of the bits in `known`, then what is left in hex. */
static void
append_bits(struct text *text, unsigned value, unsigned known)
{
	const char *separator = "";

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		if ((value & known & bits[i].bit) == 0)
			continue;
		append(text, separator);
		append(text, bits[i].name);
		separator = " | ";
		value &= ~bits[i].bit;
	}
	if (value != 0) {
		char hex[sizeof("0x") + 2 * sizeof(value)];

		snprintf(hex, sizeof(hex), "%#x", value);
		append(text, separator);
		append(text, hex);
	}
}

#define INTERESTS                                                            \
	(MIO_READABLE | MIO_WRITABLE | MIO_AIO | MIO_LIO | MIO_PRIORITY |    \
	    MIO_EXCLUSIVE | MIO_LEVEL)

int
mio_interest_format(unsigned interests, char *buf, size_t size)
{
	struct text text = { buf, size, 0 };

	if (buf == NULL && size > 0)
		return mio__fail(EINVAL);
	append_bits(&text, interests, INTERESTS);
	return finish(&text);
}

int
mio_event_format(const struct mio_event *event, char *buf, size_t size)
{
	struct text text = { buf, size, 0 };
	char number[sizeof("token : ") + 3 * sizeof(uintptr_t)];

	if (event == NULL || (buf == NULL && size > 0))
		return mio__fail(EINVAL);
	snprintf(number, sizeof(number), "token %" PRIuPTR ": ", event->token);
	append(&text, number);
	append_bits(&text, event->readiness, ~0u);
	snprintf(number, sizeof(number), " (native %#" PRIx32 ")",
	    event->native);
	append(&text, number);
	return finish(&text);
}
