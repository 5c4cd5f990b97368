/* SPDX-License-Identifier: MIT */
/*
 * addr [SEED [COUNT]]
 *
 * Random texts, most of them nearly addresses: mio_addr_parse must take what
 * inet_pton and getaddrinfo with AI_NUMERICHOST take, as the same address,
 * and nothing else; what mio_addr_format writes of it must be read the same.
 * Two differences are meant: an octet that begins with a superfluous 0 is
 * refused whatever the libc does, and a scope may have an interface's name
 * with any address.  With -DFUZZER: a target for libFuzzer and AFL++.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <mio.h>

enum { LONGEST = 120 };

static void
fail(const char *text, const char *what)
{
	printf("%s: \"%s\"\n", what, text);
	fflush(stdout);
	abort();
}

static bool
digits(const char *s)
{
	return *s != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* Two digits or more, the first of them 0, beside a dot. */
static bool
octal(const char *host)
{
	for (const char *c = host; (c = strpbrk(c, "0123456789")) != NULL;) {
		size_t len = strspn(c, "0123456789");
		bool dotted = c[len] == '.' || (c > host && c[-1] == '.');

		if (dotted && len > 1 && *c == '0')
			return true;
		c += len;
	}
	return false;
}

/* What the libc says of an address with a scope. */
static bool
scoped(const char *host, struct sockaddr_in6 *in)
{
	struct addrinfo hints = { .ai_family = AF_INET6,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST };
	struct addrinfo *found;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	memcpy(in, found->ai_addr, sizeof(*in));
	freeaddrinfo(found);
	return true;
}

/* 1 or 0, and the address; -1: the libc is not asked. */
static int
reference(const char *text, struct sockaddr_storage *addr)
{
	const char *colon = strrchr(text, ':');
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char host[LONGEST + 1];
	size_t len;
	in_port_t port;

	memset(addr, 0, sizeof(*addr));
	if (strncmp(text, "unix:", 5) == 0)
		return -1;
	if (colon == NULL || !digits(colon + 1) || strlen(colon + 1) > 5 ||
	    atoi(colon + 1) > 65535)
		return 0;
	port = htons((uint16_t)atoi(colon + 1));
	len = (size_t)(colon - text);
	memcpy(host, text, len);
	host[len] = '\0';
	if (len == 0 || strcmp(host, "*") == 0)
		return -1;
	if (octal(host))
		return 0;
	if (host[0] != '[' || host[len - 1] != ']') {
		in.sin_port = port;
		memcpy(addr, &in, sizeof(in));
		if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
			return 0;
		memcpy(addr, &in, sizeof(in));
		return 1;
	}
	host[len - 1] = '\0';
	if (strchr(host, '%') != NULL) {
		char *scope = strchr(host, '%') + 1;

		if (!digits(scope))
			return -1;
		if (!scoped(host + 1, &in6))
			return 0;
	} else if (inet_pton(AF_INET6, host + 1, &in6.sin6_addr) != 1) {
		return 0;
	}
	in6.sin6_port = port;
	memcpy(addr, &in6, sizeof(in6));
	return 1;
}

static int
one(const char *text)
{
	struct sockaddr_storage addr, want, back;
	socklen_t len, back_len;
	char buf[160];
	int says = reference(text, &want);
	int result = mio_addr_parse(&addr, &len, text);
	int written;

	if (says >= 0 && says != (result == 0))
		fail(text, says ? "refused" : "taken");
	if (result != 0)
		return says;
	if (says == 1 && memcmp(&addr, &want, sizeof(want)) != 0)
		fail(text, "another address");
	written = mio_addr_format(
	    buf, sizeof(buf), (struct sockaddr *)&addr, len);
	if (written < 0 || (size_t)written >= sizeof(buf))
		fail(text, "not written");
	if (mio_addr_parse(&back, &back_len, buf) != 0 || back_len != len ||
	    (memcmp(&back, &addr, sizeof(addr)) != 0))
		fail(buf, "read as another");
	return says;
}

#ifdef FUZZER

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[LONGEST + 1];

	if (size > LONGEST)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	one(text);
	return 0;
}

#else

static uint64_t state;

static unsigned
draw(unsigned below)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(state >> 33) % below;
}

/* Pieces of addresses, right and wrong, one after the other. */
static void
compose(char *text)
{
	static const char *const pieces[] = { "0", "1", "00", "01", "255", "256",
		"127.0.0.1", "127.0.0.", "1.2.3.4", ".", ":", "::", "[", "]",
		"[::1]", "[fe80::1%1]", "%", "%1", "%0", "%lo", "ffff", "a", "F",
		"g", "12345", ":80", ":0", ":65535", ":65536", ":080", " ", "*",
		"*:1", "-", "+", "unix:", "@", "/x", "[::ffff:", "1:2:3:4:5:6:7",
		"4294967295", "\t", "x" };
	size_t len = 0;

	text[0] = '\0';
	for (unsigned n = draw(9); n > 0; n--) {
		const char *piece =
		    pieces[draw(sizeof(pieces) / sizeof(pieces[0]))];

		if (len + strlen(piece) > LONGEST)
			break;
		strcpy(text + len, piece);
		len += strlen(piece);
	}
}

/* A right one, and a few bytes of it others. */
static void
mutate(char *text)
{
	static const char bytes[] = "0123456789abcdefABF.:[]%*@/ x";
	unsigned char octets[16];
	char host[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (unsigned char)(draw(3) ? draw(256) : 0);
	if (draw(2)) {
		inet_ntop(AF_INET, octets, host, sizeof(host));
		snprintf(text, LONGEST, "%s:%u", host, draw(70000));
	} else {
		inet_ntop(AF_INET6, octets, host, sizeof(host));
		snprintf(text, LONGEST, draw(4) ? "[%s]:%u" : "[%s%%%u]:80",
		    host, draw(70000));
	}
	for (unsigned n = draw(4); n > 0; n--) {
		size_t len = strlen(text);
		size_t at = draw((unsigned)len + 1);
		char byte = bytes[draw(sizeof(bytes) - 1)];

		if (draw(2) && at < len) {
			text[at] = byte;
		} else if (draw(2) && at < len) {
			memmove(text + at, text + at + 1, len - at);
		} else if (len < LONGEST) {
			memmove(text + at + 1, text + at, len - at + 1);
			text[at] = byte;
		}
	}
}

int
main(int argc, char **argv)
{
	char text[LONGEST + 1];
	long count = argc > 2 ? strtol(argv[2], NULL, 10) : 200000;
	long taken = 0, refused = 0;

	state = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
	printf("seed %llu\n", (unsigned long long)state);
	for (long i = 0; i < count; i++) {
		int says;

		if (draw(2))
			compose(text);
		else
			mutate(text);
		says = one(text);
		taken += says == 1;
		refused += says == 0;
	}
	printf("%ld texts: %ld taken, %ld refused, as by the libc\n", count,
	    taken, refused);
	return taken > count / 50 && refused > count / 50 ? 0 : 1;
}

#endif
