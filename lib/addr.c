/* SPDX-License-Identifier: MIT */
/* Addresses as text.  No resolver: what is no number is no address. */

#include "config.h"
#include "source.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "sys/sys.h"
#include "append.h"

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)
#define UNIX "unix:"

/* Longer than any host: inet_pton and if_nametoindex want strings. */
enum { HOST = INET6_ADDRSTRLEN + IF_NAMESIZE + 2 };

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits alone, of a number that is not above `most`. */
static bool
parse_number(const char *text, uint32_t most, uint32_t *number)
{
	uint64_t value = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (!is_digit(*text))
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > most)
			return false;
	}
	*number = (uint32_t)value;
	return true;
}

/* Some read an octet that begins with 0 as octal, so it is refused. */
static bool
has_octal(const char *host)
{
	for (const char *dot = strchr(host, '.'); dot != NULL;) {
		const char *first = dot;

		while (first > host && is_digit(first[-1]))
			first--;
		if (first[0] == '0' && is_digit(first[1]))
			return true;
		if (dot[1] == '0' && is_digit(dot[2]))
			return true;
		dot = strchr(dot + 1, '.');
	}
	return false;
}

static int
parse_v4(struct sockaddr_storage *addr, const char *host, in_port_t port)
{
	struct sockaddr_in in;

	memset(&in, 0, sizeof(in));
	in.sin_family = AF_INET;
	in.sin_port = port;
	if (has_octal(host) || inet_pton(AF_INET, host, &in.sin_addr) != 1)
		return mio__fail(EINVAL);
	memcpy(addr, &in, sizeof(in));
	return 0;
}

/* Digits alone are a number, and at a colon Linux cuts what it looks up. */
static bool
is_name(const char *scope)
{
	return scope[strspn(scope, "0123456789")] != '\0' &&
	    strchr(scope, ':') == NULL && strlen(scope) < IF_NAMESIZE;
}

static int
parse_scope(const char *scope, uint32_t *id)
{
	/* As many digits as the largest has: more would not fit in a host. */
	if (strlen(scope) <= 10 && parse_number(scope, UINT32_MAX, id))
		return 0;
	if (!is_name(scope))
		return mio__fail(EINVAL);
	*id = if_nametoindex(scope);
	if (*id != 0)
		return 0;
	/* It takes a socket to ask: that none is to be had says nothing. */
	return errno == ENODEV || errno == ENXIO ? mio__fail(EINVAL) : -1;
}

/* `host`, which is changed, without its brackets; "" is any. */
static int
parse_v6(struct sockaddr_storage *addr, char *host, in_port_t port)
{
	struct sockaddr_in6 in;
	char *scope = strchr(host, '%');
	uint32_t id = 0;

	memset(&in, 0, sizeof(in));
	in.sin6_family = AF_INET6;
	in.sin6_port = port;
	if (scope != NULL) {
		*scope = '\0';
		if (parse_scope(scope + 1, &id) < 0)
			return -1;
	}
	in.sin6_scope_id = id;
	if (*host != '\0' || scope != NULL) {
		if (has_octal(host) ||
		    inet_pton(AF_INET6, host, &in.sin6_addr) != 1)
			return mio__fail(EINVAL);
	}
	memcpy(addr, &in, sizeof(in));
	return 0;
}

/* HOST:PORT. */
static int
parse_inet(
    struct sockaddr_storage *addr, socklen_t *addrlen, const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[HOST];
	in_port_t port;
	uint32_t number;
	size_t len;
	bool is_v6;

	if (colon == NULL || strlen(colon + 1) > 5 ||
	    !parse_number(colon + 1, 65535, &number))
		return mio__fail(EINVAL);
	port = htons((uint16_t)number);
	len = (size_t)(colon - text);
	if (len >= sizeof(host))
		return mio__fail(EINVAL);
	memcpy(host, text, len);
	host[len] = '\0';
	if (len == 0 || strcmp(host, "*") == 0) {
		host[0] = '\0';
		is_v6 = mio__sys_has_ipv6();
		if (!is_v6)
			memcpy(host, "0.0.0.0", sizeof("0.0.0.0"));
	} else {
		is_v6 = len > 2 && host[0] == '[' && host[len - 1] == ']';
		if (is_v6) {
			memmove(host, host + 1, len - 2);
			host[len - 2] = '\0';
		}
	}
	*addrlen = is_v6 ? sizeof(struct sockaddr_in6)
			 : sizeof(struct sockaddr_in);
	return is_v6 ? parse_v6(addr, host, port) : parse_v4(addr, host, port);
}

static int
parse_unix(struct sockaddr_storage *addr, socklen_t *addrlen, const char *name)
{
	struct sockaddr_un un;
	char bytes[sizeof(un.sun_path) + 2] = "";
	size_t len = strlen(name);

	if (len >= sizeof(bytes))
		return mio__fail(ENAMETOOLONG);
	memcpy(bytes, name, len);
	if (bytes[0] == '@')
		bytes[0] = '\0';
	if (mio_unix_addr(&un, addrlen, bytes, len) < 0)
		return -1;
	memcpy(addr, &un, sizeof(un));
	return 0;
}

int
mio_addr_parse(
    struct sockaddr_storage *addr, socklen_t *addrlen, const char *text)
{
	struct sockaddr_storage made;
	socklen_t len = 0;

	if (addr == NULL || addrlen == NULL || text == NULL)
		return mio__fail(EINVAL);
	memset(&made, 0, sizeof(made));
	if (strncmp(text, UNIX, strlen(UNIX)) == 0) {
		if (parse_unix(&made, &len, text + strlen(UNIX)) < 0)
			return -1;
	} else {
		if (parse_inet(&made, &len, text) < 0)
			return -1;
		mio__sys_set_len(&made, (size_t)len);
	}
	*addr = made;
	*addrlen = len;
	return 0;
}

static void
append_number(struct text *text, unsigned number)
{
	char digits[sizeof("4294967295")];

	snprintf(digits, sizeof(digits), "%u", number);
	append(text, digits);
}

static void
append_hex(struct text *text, unsigned number)
{
	char digits[sizeof("ffffffff")];

	snprintf(digits, sizeof(digits), "%x", number);
	append(text, digits);
}

static void
append_port(struct text *text, in_port_t port)
{
	append(text, ":");
	append_number(text, ntohs(port));
}

static void
append_v4(struct text *text, const unsigned char *octets)
{
	for (size_t i = 0; i < 4; i++) {
		append(text, i > 0 ? "." : "");
		append_number(text, octets[i]);
	}
}

static unsigned
group(const unsigned char *octets, size_t i)
{
	return (unsigned)octets[2 * i] << 8 | octets[2 * i + 1];
}

/* As RFC 5952: the first of the longest runs of zeros is "::", not of one. */
static void
append_v6(struct text *text, const unsigned char *octets)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	size_t from = 8, most = 1;

	if (memcmp(octets, mapped, sizeof(mapped)) == 0) {
		append(text, "::ffff:");
		append_v4(text, octets + sizeof(mapped));
		return;
	}
	for (size_t i = 0, run = 0; i < 8; i++) {
		run = group(octets, i) == 0 ? run + 1 : 0;
		if (run > most) {
			most = run;
			from = i + 1 - run;
		}
	}
	for (size_t i = 0; i < 8; i++) {
		if (i == from) {
			append(text, "::");
			i += most - 1;
			continue;
		}
		append(text, i > 0 && i != from + most ? ":" : "");
		append_hex(text, group(octets, i));
	}
}

static void
format_v4(struct text *text, const struct sockaddr *addr)
{
	struct sockaddr_in in;

	memcpy(&in, addr, sizeof(in));
	append_v4(text, (const unsigned char *)&in.sin_addr);
	append_port(text, in.sin_port);
}

static void
format_v6(struct text *text, const struct sockaddr *addr)
{
	struct sockaddr_in6 in;
	char name[IF_NAMESIZE];

	memcpy(&in, addr, sizeof(in));
	append(text, "[");
	append_v6(text, in.sin6_addr.s6_addr);
	if (in.sin6_scope_id != 0) {
		append(text, "%");
		if (if_indextoname(in.sin6_scope_id, name) != NULL &&
		    is_name(name))
			append(text, name);
		else
			append_number(text, in.sin6_scope_id);
	}
	append(text, "]");
	append_port(text, in.sin6_port);
}

static int
format_unix(struct text *text, const struct sockaddr *addr, socklen_t addrlen)
{
	const char *path = (const char *)addr + PATH_OFFSET;
	size_t whole = (size_t)addrlen;
	size_t len = whole > PATH_OFFSET ? whole - PATH_OFFSET : 0;
	size_t room = sizeof(((struct sockaddr_un *)0)->sun_path);
	const char *prefix = "";

	if (len > room)
		return mio__fail(EINVAL);
	if (len > 0 && path[0] == '\0' && MIO__ABSTRACT_NAMES) {
		prefix = "@";
		path++;
		len--;
		if (memchr(path, '\0', len) != NULL)
			return mio__fail(EINVAL);
	}
	len = strnlen(path, len);
	/* Else it would be abstract. */
	if (*prefix == '\0' && len > 0 && path[0] == '@') {
		prefix = "./";
		if (strlen(prefix) + len > room)
			return mio__fail(EINVAL);
	}
	append(text, UNIX);
	append(text, prefix);
	append_bytes(text, path, len);
	return 0;
}

int
mio_addr_format(
    char *buf, size_t size, const struct sockaddr *addr, socklen_t addrlen)
{
	struct text text = { buf, size, 0 };
	int family;

	if (addr == NULL || (buf == NULL && size > 0))
		return mio__fail(EINVAL);
	family = mio__family(addr, addrlen);
	if (family < 0)
		return -1;
	if (family == AF_UNIX) {
		if (format_unix(&text, addr, addrlen) < 0)
			return -1;
		return finish(&text);
	}
	family = mio__inet_family(addr, addrlen);
	if (family < 0)
		return -1;
	if (family == AF_INET)
		format_v4(&text, addr);
	else
		format_v6(&text, addr);
	return finish(&text);
}
