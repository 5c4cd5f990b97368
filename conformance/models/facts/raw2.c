/* SPDX-License-Identifier: MIT */
/* NetBSD: full pipe whose reader closes; a kqueue in itself; inode of the first Unix socket; double join. */
#include <sys/types.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <net/if.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>
#define P(...) (printf(__VA_ARGS__), fflush(stdout))
#define E(r) ((r) < 0 ? strerror(errno) : "ok")
static int kq; static struct kevent ev[8];
static void set(struct kevent *k, int fd, int filt, int fl, size_t ud) { memset(k, 0, sizeof *k); k->ident = fd; k->filter = filt; k->flags = fl; memcpy(&k->udata, &ud, sizeof ud); }
static int ctl(int fd, int filt, int fl, size_t ud) { struct kevent k, r; struct timespec z = {0, 0}; set(&k, fd, filt, fl | EV_RECEIPT, ud); int n = kevent(kq, &k, 1, &r, 1, &z); return n < 0 ? -errno : (int)r.data; }
static int W(int ms) { struct timespec t = { ms / 1000, ms % 1000 * 1000000L }; memset(ev, 0, sizeof ev); return kevent(kq, NULL, 0, ev, 8, &t); }
static void show(const char *what, int n) { P("%s: n=%d", what, n); for (int i = 0; i < n; i++) P(" [id %d filt %d flags %x data %lld]", (int)ev[i].ident, (int)(short)ev[i].filter, (unsigned)ev[i].flags, (long long)ev[i].data); P("\n"); }
static void nb(int f) { fcntl(f, F_SETFL, fcntl(f, F_GETFL) | O_NONBLOCK); }
int main(void)
{
	int p[2], q[2], v; char buf[65536]; struct stat st; memset(buf, 0, sizeof buf); signal(SIGPIPE, SIG_IGN);
	{ int u = socket(AF_UNIX, SOCK_STREAM, 0); for (int i = 0; i < 3; i++) { fstat(u, &st); P("first Unix socket: ino %llx\n", (unsigned long long)st.st_ino); } }
	for (int both = 0; both < 2; both++) { kq = kqueue(); pipe(p); nb(p[0]); nb(p[1]); P("full pipe, %s\n", both ? "W and R of the writing end" : "W"); ctl(p[1], EVFILT_WRITE, EV_ADD | EV_CLEAR, 1); if (both) P("add R %d\n", ctl(p[1], EVFILT_READ, EV_ADD | EV_CLEAR, 1)); while (write(p[1], buf, 4096) > 0) ; while (write(p[1], buf, 1) > 0) ; show(" settle", W(20)); show(" settle", W(20)); close(p[0]); show(" reader closed", W(300)); P(" write: %s\n", E(write(p[1], "x", 1))); close(p[1]); close(kq); }
	{ struct pollfd f; pipe(p); nb(p[1]); while (write(p[1], buf, 4096) > 0) ; close(p[0]); f.fd = p[1]; f.events = POLLOUT; poll(&f, 1, 100); P("poll of it: %x\n", f.revents); close(p[1]); }
	if (getenv("SELF")) { kq = kqueue(); pipe(p); P("kqueue in itself: %d\n", ctl(kq, EVFILT_READ, EV_ADD | EV_CLEAR, 9)); ctl(p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 1); write(p[1], "x", 1); show(" event", W(100)); show(" then", W(50)); show(" then", W(50)); close(kq); P(" closed\n"); }
	{ int a = kqueue(), b = kqueue(); kq = a; P("b in a: %d\n", ctl(b, EVFILT_READ, EV_ADD | EV_CLEAR, 1)); kq = b; P("a in b: %d\n", ctl(a, EVFILT_READ, EV_ADD | EV_CLEAR, 1)); close(a); close(b); }
	{ int s = socket(AF_INET6, SOCK_DGRAM, 0); struct ipv6_mreq m; memset(&m, 0, sizeof m); m.ipv6mr_multiaddr.s6_addr[0] = 0xff; m.ipv6mr_multiaddr.s6_addr[1] = 0x12; m.ipv6mr_multiaddr.s6_addr[15] = 9; m.ipv6mr_interface = if_nametoindex("lo0"); P("join v6 %s", E(setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof m))); P(", again %s", E(setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof m))); P(", leave %s", E(setsockopt(s, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &m, sizeof m))); P(", again %s\n", E(setsockopt(s, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &m, sizeof m))); }
	{ struct sockaddr_in s, d; socklen_t n = sizeof s; int l = socket(AF_INET, SOCK_STREAM, 0), c; memset(&s, 0, sizeof s); s.sin_family = AF_INET; s.sin_addr.s_addr = htonl(INADDR_LOOPBACK); bind(l, (void *)&s, sizeof s); getsockname(l, (void *)&s, &n); c = socket(AF_INET, SOCK_STREAM, 0); nb(c); P("connect to a bound, deaf socket: %s", E(connect(c, (void *)&s, sizeof s))); struct pollfd f = { c, POLLIN | POLLOUT, 0 }; v = poll(&f, 1, 500); P(", poll %d %x\n", v, f.revents); (void)d; close(c); listen(l, 0); for (int i = 0; i < 8; i++) { c = socket(AF_INET, SOCK_STREAM, 0); nb(c); v = connect(c, (void *)&s, sizeof s); P("backlog 0, connect %d: %s", i, E(v)); f.fd = c; f.events = POLLIN | POLLOUT; f.revents = 0; v = poll(&f, 1, 300); P(", poll %d %x\n", v, f.revents); if (v == 0) break; } }
	{ struct sockaddr_in s; socklen_t n = sizeof s; int u = socket(AF_INET, SOCK_DGRAM, 0), w = socket(AF_INET, SOCK_DGRAM, 0), late = 0; memset(&s, 0, sizeof s); s.sin_family = AF_INET; s.sin_addr.s_addr = htonl(INADDR_LOOPBACK); bind(u, (void *)&s, n); getsockname(u, (void *)&s, &n); nb(u); for (int i = 0; i < 2000; i++) { sendto(w, "one", 3, 0, (void *)&s, sizeof s); if (recv(u, buf, 10, 0) < 0) { late++; struct pollfd f = { u, POLLIN, 0 }; poll(&f, 1, 1000); recv(u, buf, 10, 0); } } P("UDP loopback: %d of 2000 datagrams came after sendto returned\n", late); }
	(void)q; P("done\n"); return 0;
}
