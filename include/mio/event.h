/* SPDX-License-Identifier: MIT */
/* Readiness events and the buffer that holds them.  See mio_events(3). */

#ifndef MIO_EVENT_H
#define MIO_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <mio/types.h>

/* Interests and readiness. */
#define MIO_READABLE 0x01u
#define MIO_WRITABLE 0x02u
#define MIO_AIO 0x04u      /* FreeBSD, DragonFly, Apple */
#define MIO_LIO 0x08u      /* FreeBSD */
#define MIO_PRIORITY 0x10u /* Linux, Android */

/* Readiness only. */
#define MIO_READ_CLOSED 0x100u
#define MIO_WRITE_CLOSED 0x200u
#define MIO_ERROR 0x400u

/* Interest flags: wake one of several polls, not all (epoll only); report as
 * long as it is so, not once (level-triggered). */
#define MIO_EXCLUSIVE 0x10000u
#define MIO_LEVEL 0x20000u

struct mio_event {
	mio_token token;
	uint32_t readiness; /* MIO_* bits; 0: forgotten */
	uint32_t native;    /* the backend's own flags, for diagnostics */
};

MIO_BEGIN_DECLS

/*
 * Makes a buffer for up to `capacity` events of one mio_poll call.
 * Errors: EINVAL capacity is 0 or `events` NULL; ENOMEM.
 */
MIO_API int mio_events_new(struct mio_events **events, size_t capacity);
/* Frees the buffer; NULL is fine. */
MIO_API void mio_events_free(struct mio_events *events);
/* Empties the buffer; mio_poll does so itself. */
MIO_API void mio_events_clear(struct mio_events *events);
/* The capacity it was made with. */
MIO_API size_t mio_events_capacity(const struct mio_events *events);
/* How many events the last mio_poll put there, forgotten ones included. */
MIO_API size_t mio_events_count(const struct mio_events *events);
/* The event at place `i`, from 0; NULL past the end. */
MIO_API const struct mio_event *mio_events_get(
    const struct mio_events *events, size_t i);
/*
 * Sets the readiness of all events of `token` in the buffer to 0, so that
 * MIO_EVENTS_FOREACH skips them.  Safe inside that loop.
 */
MIO_API void mio_events_forget(struct mio_events *events, mio_token token);

/* One thread at a time for a buffer; no thread while mio_poll fills it. */

/*
 * The library's, so that the loop below costs no call: how every struct
 * mio_events begins, at how many bytes its list is, and the first from `event`
 * on that is not forgotten, or NULL.  `end` is NULL after mio_events_forget;
 * the list ends at `last` then.  Where there is no first event, or it is forgotten,
 * stands one with MIO_EVENTS_NONE_.  Use mio_events_get and mio_events_count.
 */
struct mio_events_head {
	const struct mio_event *end;
	const struct mio_event *last;
};

#define MIO_EVENTS_NONE_ 0xffffffffu
#define MIO_EVENTS_HEAD_(events)                                             \
	MIO_CAST_(const struct mio_events_head *, events)
#define MIO_EVENTS_AT_ (8 + 4 * sizeof(void *))
#define MIO_EVENTS_LIST_(events)                                             \
	MIO_CAST_(const struct mio_event *,                                  \
	    MIO_CAST_(const char *, events) + MIO_EVENTS_AT_)

static inline const struct mio_event *
mio_events_next_(
    const struct mio_events_head *head, const struct mio_event *event)
{
	const struct mio_event *end = head->end;

	if (event < end)
		return event;
	if (event == end)
		return MIO_NULL_;
	for (; event < head->last; ++event)
		if (event->readiness != 0)
			return event;
	return MIO_NULL_;
}

static inline const struct mio_event *
mio_events_first_(const struct mio_events_head *head)
{
	const struct mio_event *first = MIO_EVENTS_LIST_(head);

	return first->native != MIO_EVENTS_NONE_
	    ? first
	    : mio_events_next_(head, first);
}

/*
 * A for loop over the events that are not forgotten; declares
 * `const struct mio_event *event`.  Evaluates `events` more than once.
 */
#define MIO_EVENTS_FOREACH(event, events)                                    \
	for (const struct mio_event *event =                                 \
		 mio_events_first_(MIO_EVENTS_HEAD_(events));                \
	     event != MIO_NULL_;                                             \
	     event = mio_events_next_(MIO_EVENTS_HEAD_(events), event + 1))

/* What the event says.  Any thread; never fail. */

/* Data, a connection, end of file or an error is there to be read. */
MIO_API MIO_INLINE bool
mio_event_is_readable(const struct mio_event *event)
{
	return (event->readiness & MIO_READABLE) != 0;
}

/* There is room to write, or an error that writing will tell. */
MIO_API MIO_INLINE bool
mio_event_is_writable(const struct mio_event *event)
{
	return (event->readiness & MIO_WRITABLE) != 0;
}

/* The read half is closed; never a false positive, may be missing. */
MIO_API MIO_INLINE bool
mio_event_is_read_closed(const struct mio_event *event)
{
	return (event->readiness & MIO_READ_CLOSED) != 0;
}

/* The write half is closed; never a false positive, may be missing. */
MIO_API MIO_INLINE bool
mio_event_is_write_closed(const struct mio_event *event)
{
	return (event->readiness & MIO_WRITE_CLOSED) != 0;
}

/* The source is in an error state; the I/O call tells which. */
MIO_API MIO_INLINE bool
mio_event_is_error(const struct mio_event *event)
{
	return (event->readiness & MIO_ERROR) != 0;
}

/* Out-of-band data is there. */
MIO_API MIO_INLINE bool
mio_event_is_priority(const struct mio_event *event)
{
	return (event->readiness & MIO_PRIORITY) != 0;
}

/* A POSIX AIO request is complete. */
MIO_API MIO_INLINE bool
mio_event_is_aio(const struct mio_event *event)
{
	return (event->readiness & MIO_AIO) != 0;
}

/* A lio_listio batch is complete. */
MIO_API MIO_INLINE bool
mio_event_is_lio(const struct mio_event *event)
{
	return (event->readiness & MIO_LIO) != 0;
}

/*
 * Write the event, or the interests, as text into `buf` of `size` bytes,
 * cut if too long, always NUL-ended unless size is 0.  Returns the length
 * of the whole text, as snprintf does; -1 EINVAL for NULL arguments
 * (`buf` may be NULL if size is 0).  Any thread.
 */
MIO_API int mio_event_format(
    const struct mio_event *event, char *buf, size_t size);
MIO_API int mio_interest_format(unsigned interests, char *buf, size_t size);

MIO_END_DECLS

#endif
