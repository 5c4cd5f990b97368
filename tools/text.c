/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "text.h"

#include <stddef.h>

/* How many bytes the character has that begins here; 0: it is not UTF-8. */
static size_t
utf8_length(const unsigned char *text)
{
	size_t length = text[0] < 0x80 ? 1 :
	    text[0] >= 0xc2 && text[0] < 0xe0 ? 2 :
	    text[0] >= 0xe0 && text[0] < 0xf0 ? 3 :
	    text[0] >= 0xf0 && text[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < length; ++i)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	/* Too long a form, a surrogate, past the last character. */
	if ((text[0] == 0xe0 && text[1] < 0xa0) ||
	    (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) ||
	    (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return length;
}

/* `plain` writes one character of ASCII. */
static void
text_write(FILE *out, const char *text, void (*plain)(FILE *, unsigned char))
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at != '\0') {
		size_t length = utf8_length(at);

		if (length == 0)
			fputs("\xef\xbf\xbd", out);
		else if (length == 1)
			plain(out, *at);
		else
			fwrite(at, 1, length, out);
		at += length > 0 ? length : 1;
	}
}

static void
json_plain(FILE *out, unsigned char c)
{
	if (c == '"' || c == '\\')
		fprintf(out, "\\%c", c);
	else if (c == '\n')
		fputs("\\n", out);
	else if (c < 0x20 || c == 0x7f)
		fprintf(out, "\\u%04x", c);
	else
		putc(c, out);
}

void
text_json(FILE *out, const char *text)
{
	putc('"', out);
	text_write(out, text, json_plain);
	putc('"', out);
}

static void
xml_plain(FILE *out, unsigned char c)
{
	switch (c) {
	case '&':
		fputs("&amp;", out);
		break;
	case '<':
		fputs("&lt;", out);
		break;
	case '>':
		fputs("&gt;", out);
		break;
	case '"':
		fputs("&quot;", out);
		break;
	case '\'':
		fputs("&#39;", out);
		break;
	default:
		/* XML has no way to write the other control characters. */
		if (c >= 0x20 || c == '\n' || c == '\t')
			putc(c, out);
		else
			fputs("\xef\xbf\xbd", out);
	}
}

void
text_xml(FILE *out, const char *text)
{
	text_write(out, text, xml_plain);
}

static void
json_begin(struct json *json, const char *name)
{
	if (json->going)
		putc(',', json->out);
	if (json->depth > 0)
		fprintf(json->out, "\n%*s", 2 * json->depth, "");
	json->going = true;
	if (name != NULL) {
		text_json(json->out, name);
		fputs(": ", json->out);
	}
}

void
json_open(struct json *json, const char *name, char bracket)
{
	json_begin(json, name);
	putc(bracket, json->out);
	++json->depth;
	json->going = false;
}

void
json_close(struct json *json, char bracket)
{
	--json->depth;
	if (json->going)
		fprintf(json->out, "\n%*s", 2 * json->depth, "");
	putc(bracket == '{' ? '}' : ']', json->out);
	json->going = true;
	if (json->depth == 0)
		putc('\n', json->out);
}

void
json_text(struct json *json, const char *name, const char *text)
{
	json_begin(json, name);
	if (text != NULL)
		text_json(json->out, text);
	else
		fputs("null", json->out);
}

void
json_number(struct json *json, const char *name, intmax_t number)
{
	json_begin(json, name);
	fprintf(json->out, "%jd", number);
}

void
json_bool(struct json *json, const char *name, bool value)
{
	json_begin(json, name);
	fputs(value ? "true" : "false", json->out);
}
