/* SPDX-License-Identifier: MIT */
/*
 * addr [SEED [COUNT]]
 *
 * Random texts, most of them nearly addresses: mio_addr_parse must take what
 * inet_pton takes, getaddrinfo with AI_NUMERICHOST and AI_NUMERICSERV must say
 * the same of it, and what mio_addr_format writes must be read the same.  Then
 * random addresses: what is written of them must be as inet_ntop has it, and
 * be read as the same.  Meant to differ:
 * - an octet with a superfluous 0 is refused, whatever the libc does;
 * - "127.1" and "0x7f.1", which getaddrinfo takes, are refused;
 * - a port has one to five digits, a scope's number one to ten;
 * - a scope may have an interface's name with any address;
 * - "::1.2.3.4" is written "::102:304", as RFC 5952 has it; inet_ntop may not.
 * With -DFUZZER: a target for libFuzzer and AFL++.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <mio.h>

/* Of a text; of a path, which is more than fits. */
enum { LONGEST = 120, LONGEST_UNIX = 112 };

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

/* The same by getaddrinfo; false: it takes none such. */
static bool
resolved(const char *host, const char *port, struct sockaddr_storage *addr)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found;

	memset(addr, 0, sizeof(*addr));
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return false;
	memcpy(addr, found->ai_addr, found->ai_addrlen);
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
	struct sockaddr_storage by_name;
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
		if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
			return 0;
		memcpy(addr, &in, sizeof(in));
		if (!resolved(host, colon + 1, &by_name) ||
		    memcmp(addr, &by_name, sizeof(by_name)) != 0)
			fail(text, "getaddrinfo says otherwise");
		return 1;
	}
	host[len - 1] = '\0';
	if (strchr(host, '%') != NULL) {
		if (!digits(strchr(host, '%') + 1))
			return -1;
		return strlen(strchr(host, '%') + 1) <= 10 &&
		    resolved(host + 1, colon + 1, addr);
	}
	if (inet_pton(AF_INET6, host + 1, &in6.sin6_addr) != 1)
		return 0;
	in6.sin6_port = port;
	memcpy(addr, &in6, sizeof(in6));
	if (!resolved(host + 1, colon + 1, &by_name) ||
	    memcmp(addr, &by_name, sizeof(by_name)) != 0)
		fail(text, "getaddrinfo says otherwise");
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

/* As inet_ntop and printf have it; NULL: not asked. */
static const char *
written(const struct sockaddr_storage *addr)
{
	static char text[128];
	char host[INET6_ADDRSTRLEN];
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (addr->ss_family == AF_INET) {
		memcpy(&in, addr, sizeof(in));
		inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
		snprintf(text, sizeof(text), "%s:%u", host,
		    (unsigned)ntohs(in.sin_port));
		return text;
	}
	memcpy(&in6, addr, sizeof(in6));
	if (in6.sin6_scope_id != 0 || IN6_IS_ADDR_V4COMPAT(&in6.sin6_addr))
		return NULL;
	inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host));
	snprintf(text, sizeof(text), "[%s]:%u", host,
	    (unsigned)ntohs(in6.sin6_port));
	return text;
}

static void
one_inet(const unsigned char *bytes)
{
	struct sockaddr_storage addr, back;
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	bool v6 = bytes[0] & 1;
	socklen_t len = v6 ? sizeof(in6) : sizeof(in), back_len;
	const char *want;
	char buf[128];

	memset(&addr, 0, sizeof(addr));
	memcpy(v6 ? &in6.sin6_port : &in.sin_port, bytes + 1, 2);
	memcpy(&in.sin_addr, bytes + 3, 4);
	memcpy(&in6.sin6_addr, bytes + 3, 16);
	if (bytes[0] & 2)
		memcpy(&in6.sin6_scope_id, bytes + 19, 4);
	if (v6)
		memcpy(&addr, &in6, len);
	else
		memcpy(&addr, &in, len);
	if (mio_addr_format(buf, sizeof(buf), (struct sockaddr *)&addr, len) < 0)
		fail(v6 ? "IPv6" : "IPv4", "not written");
	want = written(&addr);
	if (want != NULL && strcmp(buf, want) != 0)
		fail(buf, "inet_ntop says otherwise");
	if (mio_addr_parse(&back, &back_len, buf) != 0 || back_len != len ||
	    memcmp(&back, &addr, sizeof(addr)) != 0)
		fail(buf, "read as another");
}

/* `len` bytes behind the family. */
static void
one_unix(const unsigned char *bytes, size_t len)
{
	const size_t offset = offsetof(struct sockaddr_un, sun_path);
	struct sockaddr_storage addr, back;
	struct sockaddr_un un;
	const char *path = (const char *)bytes;
	size_t end = strnlen(path, len), skip = 0;
	bool room = len <= sizeof(un.sun_path);
	bool nul = len > 0 && path[0] == '\0';
	bool abstract =
	    nul && mio_unix_addr(&un, &(socklen_t){ 0 }, "\0x", 2) == 0;
	bool can = room;
	socklen_t back_len;
	char buf[160];
	int n;

	if (abstract) {
		end = len;
		can = room && memchr(path + 1, '\0', len - 1) == NULL;
	} else if (end > 0 && path[0] == '@') {
		skip = 2;
		can = room && skip + end <= sizeof(un.sun_path);
	}
	memset(&addr, 0, sizeof(addr));
	addr.ss_family = AF_UNIX;
	memcpy((char *)&addr + offset, path, len);
	n = mio_addr_format(buf, sizeof(buf), (struct sockaddr *)&addr,
	    (socklen_t)(offset + len));
	if ((n >= 0) != can || (n < 0 && errno != EINVAL))
		fail("unix:", can ? "not written" : "written");
	if (n < 0)
		return;
	if (mio_addr_parse(&back, &back_len, buf) != 0)
		fail(buf, "not read");
	memcpy(&un, &back, sizeof(un));
	if (memcmp(un.sun_path, "./", skip) != 0 ||
	    memcmp(un.sun_path + skip, path, end) != 0)
		fail(buf, "read as another");
	end += skip;
	if (!abstract && end > 0 && end < sizeof(un.sun_path))
		end++;
	if (back_len != offset + end)
		fail(buf, "read with another length");
}

#ifdef FUZZER

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char bytes[LONGEST + 1] = "";

	if (size == 0 || size > LONGEST)
		return 0;
	memcpy(bytes, data + 1, size - 1);
	if (data[0] == 'i')
		one_inet(bytes);
	else if (data[0] == 'u')
		one_unix(bytes, size - 1 < LONGEST_UNIX ? size - 1
							: LONGEST_UNIX);
	else
		one((const char *)bytes);
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

/* NULs and '@' for paths; runs of zeros and mapped IPv4 behind the port. */
static void
draw_bytes(unsigned char *bytes, size_t len)
{
	unsigned often = 1 + draw(20);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(draw(often) ? draw(256) : 0);
	if (draw(4) == 0)
		bytes[draw(2)] = '@';
	if (draw(2))
		memset(bytes + 3 + draw(16), 0, draw(16));
	if (draw(8) == 0) {
		memset(bytes + 3, 0, 10);
		memset(bytes + 13, draw(2) ? 0xff : 0, 2);
	}
}

int
main(int argc, char **argv)
{
	unsigned char bytes[LONGEST_UNIX];
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
		draw_bytes(bytes, sizeof(bytes));
		one_inet(bytes);
		one_unix(bytes, draw(LONGEST_UNIX + 1));
	}
	printf("%ld texts: %ld taken, %ld refused, as by the libc; "
	       "and as many addresses written\n",
	    count, taken, refused);
	return taken > count / 50 && refused > count / 50 ? 0 : 1;
}

#endif
