/* SPDX-License-Identifier: MIT */
/* Addresses as text. */

#include "config.h"

#include "harness.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <unistd.h>

/* What parse makes of `text`, formatted again; or the errno's name. */
static const char *
again(const char *text)
{
	static char buf[200];
	struct sockaddr_storage addr, before;
	socklen_t len = 4711;

	memset(&addr, 0x5a, sizeof(addr));
	before = addr;
	errno = 0;
	if (mio_addr_parse(&addr, &len, text) == -1) {
		int error = errno;

		ck_assert_int_eq(memcmp(&addr, &before, sizeof(addr)), 0);
		ck_assert_int_eq(len, 4711);
		return errno_name(error);
	}
	if (mio_addr_format(
		buf, sizeof(buf), (struct sockaddr *)&addr, len) == -1)
		return errno_name(errno);
	return buf;
}

TEST(addr_of_text, "more-16")
{
	static const char *const same[] = { "127.0.0.1:80", "0.0.0.0:0",
		"255.255.255.255:65535", "1.2.3.4:1", "[::1]:80", "[::]:0",
		"[2001:db8::1]:443", "[1:2:3:4:5:6:7:8]:9", "[::ffff:1.2.3.4]:5",
		"[2001:db8:0:1:1:1:1:1]:1", "[1::2:0:0:3]:1", "[1::2:3:4:0:0]:1",
		"[fe80::1%7777]:80",
		"[::1.2.3.4]:0", "unix:", "unix:/run/x.sock", "unix:x",
		"unix:a b", "unix:127.0.0.1:80" };
	static const struct {
		const char *text, *as;
	} other[] = {
		{ "127.0.0.1:0080", "127.0.0.1:80" },
		{ "[0:0:0:0:0:0:0:1]:80", "[::1]:80" },
		{ "[2001:DB8::ABCD]:80", "[2001:db8::abcd]:80" },
		{ "[::ffff:102:304]:80", "[::ffff:1.2.3.4]:80" },
		{ "[1:0:0:2:0:0:0:3]:80", "[1:0:0:2::3]:80" },
		{ "[1:0:0:2:3:0:0:4]:80", "[1::2:3:0:0:4]:80" },
		{ "[fe80::1%0]:80", "[fe80::1]:80" },
		{ "[fe80::1%0000007777]:80", "[fe80::1%7777]:80" },
	};

	for (size_t i = 0; i < LEN(same); ++i)
		if (strcmp(same[i], "[::1.2.3.4]:0") == 0)
			ck_assert_str_eq(again(same[i]), "[::102:304]:0");
		else
			ck_assert_str_eq(again(same[i]), same[i]);
	for (size_t i = 0; i < LEN(other); ++i)
		ck_assert_str_eq(again(other[i].text), other[i].as);
	ck_assert(strcmp(again("*:80"), "[::]:80") == 0 ||
	    (!have_ipv6() && strcmp(again("*:80"), "0.0.0.0:80") == 0));
	ck_assert(strcmp(again(":0"), "[::]:0") == 0 ||
	    (!have_ipv6() && strcmp(again(":0"), "0.0.0.0:0") == 0));
}

/* Nothing but what was said is in it, so that addresses can be compared. */
TEST(addr_is_zero_elsewhere, "more-16")
{
	struct sockaddr_storage addr, want;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	socklen_t len;

	memset(&addr, 0x5a, sizeof(addr));
	CHECK_INT(0, mio_addr_parse(&addr, &len, "1.2.3.4:258"));
	CHECK_INT(sizeof(in), len);
	memset(&want, 0, sizeof(want));
	memcpy(&in, &addr, sizeof(in));
	ck_assert_int_eq(in.sin_family, AF_INET);
	ck_assert_int_eq(memcmp(&in.sin_port, "\1\2", 2), 0);
	ck_assert_int_eq(memcmp(&in.sin_addr, "\1\2\3\4", 4), 0);
	ck_assert_int_eq(memcmp((char *)&addr + 8, (char *)&want + 8,
			     sizeof(addr) - 8),
	    0);

	memset(&addr, 0x5a, sizeof(addr));
	CHECK_INT(0, mio_addr_parse(&addr, &len, "[102::304%5]:258"));
	CHECK_INT(sizeof(in6), len);
	memcpy(&in6, &addr, sizeof(in6));
	ck_assert_int_eq(in6.sin6_family, AF_INET6);
	ck_assert_int_eq(memcmp(&in6.sin6_port, "\1\2", 2), 0);
	ck_assert_int_eq(memcmp(&in6.sin6_addr,
			     "\1\2\0\0\0\0\0\0\0\0\0\0\0\0\3\4", 16),
	    0);
	ck_assert_uint_eq(in6.sin6_flowinfo, 0);
	ck_assert_uint_eq(in6.sin6_scope_id, 5);
	ck_assert_int_eq(memcmp((char *)&addr + sizeof(in6),
			     (char *)&want + sizeof(in6),
			     sizeof(addr) - sizeof(in6)),
	    0);
}

TEST(addr_refuses_what_is_none, "more-16")
{
	static const char *const wrong[] = { "", ":", "80", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:100000", "127.0.0.1:000080",
		"127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 1", "127.0.0.1:1 ",
		" 127.0.0.1:1", "127.0.0.1 :1", "127.0.0.1:0x50", "127.0.0.1:a",
		"127.0.0.01:1", "127.00.0.1:1", "010.0.0.1:1", "127.1:1",
		"1.2.3:1", "1.2.3.4.5:1", "256.0.0.1:1", "0x7f.0.0.1:1",
		"1..2.3:1", "localhost:80", "::1:80", "[::1]", "[::1]:",
		"[::1]80", "[::1:80", "::1]:80", "[]:80", "[*]:80", "[:::]:80",
		"[1:2:3:4:5:6:7]:8", "[::1%]:80", "[::1%no-such-interface]:80",
		"[::1%12a]:80", "[::1%lo:]:80", "[::1%lo:0]:80", "[::1%-1]:80", "[::1%4294967296]:80",
		"[::1%00000000001]:80",
		"[%1]:80", "[::ffff:01.2.3.4]:80", "[::ffff:1.2.3.04]:80",
		"[12345::]:80", "[127.0.0.1]:80", "**:80", "*", "*:", "Unix:x",
		"unix", "tcp:1", "[::1]]:80" };

	for (size_t i = 0; i < LEN(wrong); ++i)
		ck_assert_msg(strcmp(again(wrong[i]), "EINVAL") == 0,
		    "\"%s\": %s", wrong[i], again(wrong[i]));
	/* Around the length of what it is copied to, for ASan to look at. */
	for (size_t len = 40; len < 100; ++len) {
		char text[110];

		memset(text, '1', len);
		memcpy(text + len, ":80", sizeof(":80"));
		ck_assert_str_eq(again(text), "EINVAL");
	}
}

TEST(addr_of_an_interface, "more-16")
{
	struct sockaddr_storage addr;
	struct sockaddr_in6 in;
	socklen_t len;
	char name[IF_NAMESIZE], text[60 + IF_NAMESIZE];

	if (if_indextoname(1, name) == NULL)
		SKIP("no interface of number 1");
	snprintf(text, sizeof(text), "[fe80::1%%%s]:80", name);
	CHECK_INT(0, mio_addr_parse(&addr, &len, text));
	CHECK_INT(sizeof(in), len);
	memcpy(&in, &addr, sizeof(in));
	ck_assert_uint_eq(in.sin6_scope_id, 1);
	ck_assert_str_eq(again(text), text);
	ck_assert_str_eq(again("[fe80::1%1]:80"), text);
}

#ifdef __linux__

#define ADDR_OF_ODD_INTERFACES &addr_of_odd_interfaces,

/* An interface may be called nearly anything. */
TEST_NEEDS(addr_of_odd_interfaces, "more-16", NEEDS_PROCESS)
{
	static const char *const names[] = { "6in4-x", "x]", "007" };
	struct ifreq request;
	struct sockaddr_storage addr;
	struct sockaddr_in6 in;
	socklen_t len;
	char text[60 + IF_NAMESIZE];
	int fd;

	NEED_OWN_NETWORK();
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK_CALL(fd);
	for (size_t i = 0; i < LEN(names); ++i) {
		memset(&request, 0, sizeof(request));
		strcpy(request.ifr_name, i > 0 ? names[i - 1] : "lo");
		strcpy(request.ifr_newname, names[i]);
		CHECK_INT(0, ioctl(fd, SIOCSIFNAME, &request));
		snprintf(text, sizeof(text), "[fe80::1%%%s]:80", names[i]);
		CHECK_INT(0, mio_addr_parse(&addr, &len, text));
		memcpy(&in, &addr, sizeof(in));
		/* Digits alone are a number, there and back. */
		ck_assert_uint_eq(in.sin6_scope_id,
		    strcmp(names[i], "007") == 0 ? 7 : if_nametoindex(names[i]));
		if (strcmp(names[i], "007") != 0)
			ck_assert_str_eq(again(text), text);
		else
			ck_assert_str_eq(
			    again("[fe80::1%1]:80"), "[fe80::1%1]:80");
	}
	close(fd);
}

#else
#define ADDR_OF_ODD_INTERFACES
#endif

TEST(addr_is_what_sockets_take, "more-16")
{
	static const char *const texts[] = { "127.0.0.1:0", "[::1]:0" };

	for (size_t i = 0; i < LEN(texts); ++i) {
		struct mio_source listener, stream;
		struct addr addr, back;
		char text[128];

		if (i > 0 && !have_ipv6())
			continue;
		CHECK_INT(0,
		    mio_addr_parse(&addr.u.room, &addr.len, texts[i]));
		CHECK_INT(
		    0, mio_tcp_listen(&listener, &addr.u.any, addr.len));
		addr = local_addr(&listener);
		CHECK_CALL(mio_addr_format(
		    text, sizeof(text), &addr.u.any, addr.len));
		CHECK_INT(0, mio_addr_parse(&back.u.room, &back.len, text));
		ck_assert(addr_equal(&addr, &back));
		CHECK_INT(0, mio_tcp_connect(&stream, &back.u.any, back.len));
		shut(&stream);
		shut(&listener);
	}
}

TEST(addr_of_unix_sockets, "more-16")
{
	const size_t room = sizeof(((struct sockaddr_un *)0)->sun_path);
	struct sockaddr_storage addr;
	struct sockaddr_un un;
	socklen_t len, made_len;
	char text[200] = "unix:";

	CHECK_INT(0, mio_unix_addr(&un, &made_len, "/x/y", 4));
	CHECK_INT(0, mio_addr_parse(&addr, &len, "unix:/x/y"));
	CHECK_INT(made_len, len);
	ck_assert_int_eq(memcmp(&addr, &un, (size_t)len), 0);
	/* As long as fits, and a byte more. */
	memset(text + 5, 'a', room);
	ck_assert_str_eq(again(text), text);
	text[5 + room] = 'a';
	ck_assert_str_eq(again(text), "ENAMETOOLONG");
	memset(text + 5, 'a', sizeof(text) - 6);
	ck_assert_str_eq(again(text), "ENAMETOOLONG");
	if (mio_unix_addr(&un, &made_len, "\0ab", 3) == -1) {
		ck_assert_str_eq(again("unix:@ab"), "ENOTSUP");
	} else {
		CHECK_INT(0, mio_addr_parse(&addr, &len, "unix:@ab"));
		CHECK_INT(made_len, len);
		ck_assert_int_eq(memcmp(&addr, &un, (size_t)len), 0);
		ck_assert_str_eq(again("unix:@ab"), "unix:@ab");
		ck_assert_str_eq(again("unix:@"), "unix:@");
		CHECK_INT(0, mio_unix_addr(&un, &len, "\0a\0b", 4));
		CHECK_FAILS(EINVAL,
		    mio_addr_format(
			text, sizeof(text), (struct sockaddr *)&un, len));
	}
	/* With "./" before it this is as long as a path can be, and no more. */
	memset(text, 'a', room);
	text[0] = '@';
	CHECK_INT(0, mio_unix_addr(&un, &len, text, room - 2));
	CHECK_INT(5 + room,
	    mio_addr_format(
		text, sizeof(text), (struct sockaddr *)&un, len));
	ck_assert_str_eq(again(text), text);
	memset(text, 'a', room);
	text[0] = '@';
	CHECK_INT(0, mio_unix_addr(&un, &len, text, room - 1));
	CHECK_FAILS(EINVAL,
	    mio_addr_format(
		text, sizeof(text), (struct sockaddr *)&un, len));
	CHECK_INT(0, mio_unix_addr(&un, &len, "@x", 2));
	CHECK_INT(9,
	    mio_addr_format(
		text, sizeof(text), (struct sockaddr *)&un, len));
	ck_assert_str_eq(text, "unix:./@x");
	CHECK_INT(0, mio_unix_addr(&un, &len, "@", 1));
	CHECK_INT(8,
	    mio_addr_format(
		text, sizeof(text), (struct sockaddr *)&un, len));
	ck_assert_str_eq(text, "unix:./@");
	ck_assert_str_eq(again(text), text);
}

TEST(addr_format_cuts_as_snprintf, "more-16")
{
	struct sockaddr_storage addr;
	socklen_t len;
	char buf[64], whole[] = "[2001:db8::1]:443";
	/* Not aligned. */
	char bytes[sizeof(struct sockaddr_in6) + 1];

	CHECK_INT(0, mio_addr_parse(&addr, &len, whole));
	memcpy(bytes + 1, &addr, (size_t)len);
	for (size_t size = 0; size < sizeof(whole) + 2; ++size) {
		memset(buf, '#', sizeof(buf));
		CHECK_INT(strlen(whole),
		    mio_addr_format(size > 0 ? buf : NULL, size,
			(const struct sockaddr *)(void *)(bytes + 1), len));
		if (size > 0 && size <= strlen(whole)) {
			ck_assert_int_eq(memcmp(buf, whole, size - 1), 0);
			ck_assert_int_eq(buf[size - 1], '\0');
		} else if (size > 0) {
			ck_assert_str_eq(buf, whole);
		}
		ck_assert_int_eq(buf[size > 0 ? size : 0], '#');
	}
}

TEST(addr_checks_its_arguments, "more-16")
{
	struct sockaddr_storage addr;
	struct sockaddr *any = (struct sockaddr *)&addr;
	socklen_t len;
	char buf[64];

	CHECK_FAILS(EINVAL, mio_addr_parse(NULL, &len, ":1"));
	CHECK_FAILS(EINVAL, mio_addr_parse(&addr, NULL, ":1"));
	CHECK_FAILS(EINVAL, mio_addr_parse(&addr, &len, NULL));
	CHECK_INT(0, mio_addr_parse(&addr, &len, "1.2.3.4:5"));
	CHECK_FAILS(EINVAL, mio_addr_format(NULL, 1, any, len));
	CHECK_FAILS(EINVAL, mio_addr_format(buf, sizeof(buf), NULL, len));
	CHECK_FAILS(EINVAL, mio_addr_format(buf, sizeof(buf), any, len - 1));
	CHECK_FAILS(EINVAL, mio_addr_format(buf, sizeof(buf), any, 0));
	addr.ss_family = AF_UNIX;
	CHECK_FAILS(EINVAL,
	    mio_addr_format(buf, sizeof(buf), any, sizeof(addr)));
	addr.ss_family = AF_UNSPEC;
	CHECK_FAILS(
	    EAFNOSUPPORT, mio_addr_format(buf, sizeof(buf), any, len));
	addr.ss_family = 99;
	CHECK_FAILS(
	    EAFNOSUPPORT, mio_addr_format(buf, sizeof(buf), any, len));
}

SUITE(addr, &addr_of_text, &addr_is_zero_elsewhere,
    &addr_refuses_what_is_none, &addr_of_an_interface,
    ADDR_OF_ODD_INTERFACES &addr_is_what_sockets_take,
    &addr_of_unix_sockets, &addr_format_cuts_as_snprintf,
    &addr_checks_its_arguments);
