/* SPDX-License-Identifier: MIT */
/* Text of unknown origin within JSON, XML and HTML. */

#ifndef MIO_TOOLS_TEXT_H
#define MIO_TOOLS_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* With the quotes.  What is not UTF-8 becomes U+FFFD. */
void text_json(FILE *out, const char *text);
/* The same for elements and quoted attributes, without any quotes. */
void text_xml(FILE *out, const char *text);

/* Writes JSON; zeroed but for `out` it begins. */
struct json {
	FILE *out;
	int depth;
	bool going; /* something stands before in the same brackets */
};

/* `name` is NULL within [] and for the whole; `bracket` is '{' or '['. */
void json_open(struct json *json, const char *name, char bracket);
void json_close(struct json *json, char bracket);
/* NULL is null. */
void json_text(struct json *json, const char *name, const char *text);
void json_number(struct json *json, const char *name, intmax_t number);
void json_bool(struct json *json, const char *name, bool value);

#endif
