/* SPDX-License-Identifier: MIT */
/* Text for people, cut where its buffer ends, as snprintf has it. */

#ifndef MIO_APPEND_H
#define MIO_APPEND_H

#include <stddef.h>

struct text {
	char *buf;
	size_t size;
	size_t len; /* of the whole text, cut or not */
};

static inline void
append_bytes(struct text *text, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++, text->len++)
		if (text->len + 1 < text->size)
			text->buf[text->len] = s[i];
}

static inline void
append(struct text *text, const char *s)
{
	while (*s != '\0')
		append_bytes(text, s++, 1);
}

static inline int
finish(struct text *text)
{
	if (text->size > 0)
		text->buf[text->len < text->size ? text->len : text->size - 1] =
		    '\0';
	return (int)text->len;
}

#endif
