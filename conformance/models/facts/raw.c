/* SPDX-License-Identifier: MIT */
/* Raw kernel facts behind mini's failing rows.  No libmio. */
#include <sys/types.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifndef POLLRDHUP
#define POLLRDHUP 0
#define NORDHUP 1
#endif
#define P(...) (printf(__VA_ARGS__), fflush(stdout))
#define E(r) ((r) < 0 ? strerror(errno) : "ok")
static void nb(int f) { fcntl(f, F_SETFL, fcntl(f, F_GETFL) | O_NONBLOCK); }
static int kq;
static void set(struct kevent *k, int fd, int filt, int fl, size_t ud) { memset(k, 0, sizeof *k); k->ident = fd; k->filter = filt; k->flags = fl; memcpy(&k->udata, &ud, sizeof ud); }
static int ctl(int fd, int filt, int fl, size_t ud) { struct kevent k, r; struct timespec z = {0, 0}; set(&k, fd, filt, fl | EV_RECEIPT, ud); int n = kevent(kq, &k, 1, &r, 1, &z); return n < 0 ? -errno : (int)r.data; }
static struct kevent ev[8];
static int W(int ms) { struct timespec t = { ms / 1000, ms % 1000 * 1000000L }; memset(ev, 0, sizeof ev); return kevent(kq, NULL, 0, ev, 8, &t); }
static void show(const char *what, int n) { P("%s: n=%d", what, n); for (int i = 0; i < n; i++) P(" [id %d filt %d flags %x fflags %x data %lld]", (int)ev[i].ident, (int)(short)ev[i].filter, (unsigned)ev[i].flags, (unsigned)ev[i].fflags, (long long)ev[i].data); P("\n"); }
static int rev(int fd, int events) { struct pollfd p = { fd, events, 0 }; poll(&p, 1, 50); return p.revents; }
static void rv(const char *what, int fd, int events) { int r = rev(fd, events); P("%s: revents%s%s%s%s%s%s\n", what, r & POLLIN ? " IN" : "", r & POLLOUT ? " OUT" : "", r & POLLERR ? " ERR" : "", r & POLLHUP ? " HUP" : "", (r & POLLRDHUP) ? " RDHUP" : "", r & POLLNVAL ? " NVAL" : ""); }
static int lis(struct sockaddr_in *s) { socklen_t n = sizeof *s; int l = socket(AF_INET, SOCK_STREAM, 0); memset(s, 0, sizeof *s); s->sin_family = AF_INET; s->sin_addr.s_addr = htonl(INADDR_LOOPBACK); bind(l, (void *)s, n); listen(l, 5); getsockname(l, (void *)s, &n); return l; }
static void tcp(int *a, int *b) { struct sockaddr_in s; int l = lis(&s); *a = socket(AF_INET, SOCK_STREAM, 0); connect(*a, (void *)&s, sizeof s); *b = accept(l, 0, 0); close(l); nb(*a); nb(*b); }
int main(void)
{
	int a, b, p[2], v; socklen_t n; struct sockaddr_in s; char buf[65536]; memset(buf, 0, sizeof buf);
	kq = kqueue();
#ifdef NORDHUP
	P("no POLLRDHUP in <poll.h>\n");
#else
	P("POLLRDHUP %x\n", POLLRDHUP);
#endif
	/* 1 pipes two-way? */
	pipe(p); nb(p[0]); nb(p[1]);
	P("pipe F_GETFL acc %d %d\n", fcntl(p[0], F_GETFL) & O_ACCMODE, fcntl(p[1], F_GETFL) & O_ACCMODE);
	P("write to read end: %s\n", E(write(p[0], "x", 1)));
	P("EVFILT_WRITE on read end: %d\n", ctl(p[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 1)); show(" then", W(20));
	rv("poll OUT of read end", p[0], POLLOUT); close(p[0]); close(p[1]);
	/* 2 pipe whose reader closes, write filter present, then EV_ADD again */
	close(kq); kq = kqueue(); pipe(p); nb(p[0]); nb(p[1]); P("add W: %d\n", ctl(p[1], EVFILT_WRITE, EV_ADD | EV_CLEAR, 1)); show("W", W(20)); while (write(p[1], buf, 4096) > 0) ; close(p[0]); show("reader closed", W(50));
	P("re-add W: %d\n", ctl(p[1], EVFILT_WRITE, EV_ADD | EV_CLEAR, 2)); show(" then", W(50)); P("delete W: %d\n", ctl(p[1], EVFILT_WRITE, EV_DELETE, 2)); P("add W anew: %d\n", ctl(p[1], EVFILT_WRITE, EV_ADD | EV_CLEAR, 2)); show(" then", W(50));
	P("add R of it: %d\n", ctl(p[1], EVFILT_READ, EV_ADD | EV_CLEAR, 2)); show(" then", W(50));
	rv("poll OUT, reader gone", p[1], POLLOUT); P("write: %s\n", (signal(13, (void *)1), E(write(p[1], "x", 1)))); close(p[1]);
	/* writer closed: read filter re-add */
	close(kq); kq = kqueue(); pipe(p); nb(p[0]); P("add R: %d\n", ctl(p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 1)); close(p[1]); show("writer closed", W(50)); P("re-add R: %d\n", ctl(p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 2)); show(" then", W(50)); P("del, add R: %d", ctl(p[0], EVFILT_READ, EV_DELETE, 2)); P(" %d\n", ctl(p[0], EVFILT_READ, EV_ADD | EV_CLEAR, 2)); show(" then", W(50)); rv("poll IN, writer gone", p[0], POLLIN | POLLRDHUP); close(p[0]);
	/* 3 lengths */
	{ struct sockaddr_in l; int fd = lis(&l), c = socket(AF_INET, SOCK_STREAM, 0); connect(c, (void *)&l, sizeof l); n = 4; a = accept(fd, (void *)buf, &n); P("accept with 4 bytes: len %d\n", (int)n); n = 4; getpeername(a, (void *)buf, &n); P("getpeername with 4: len %d\n", (int)n); n = 4; getsockname(a, (void *)buf, &n); P("getsockname with 4: len %d\n", (int)n); close(fd); close(c); close(a); }
	{ int u = socket(AF_INET, SOCK_DGRAM, 0), w = socket(AF_INET, SOCK_DGRAM, 0); memset(&s, 0, sizeof s); s.sin_family = AF_INET; s.sin_addr.s_addr = htonl(INADDR_LOOPBACK); n = sizeof s; bind(u, (void *)&s, n); getsockname(u, (void *)&s, &n); sendto(w, "hi", 2, 0, (void *)&s, sizeof s); n = 4; recvfrom(u, buf, 10, 0, (void *)(buf + 100), &n); P("recvfrom with 4: len %d\n", (int)n);
	  connect(w, (void *)&s, sizeof s); P("sendto on a connected UDP socket, same address: %s\n", E(sendto(w, "hi", 2, 0, (void *)&s, sizeof s))); P("accept on UDP: %s\n", E(accept(u, 0, 0))); v = 1; P("IPV6_V6ONLY on v4: %s\n", E(setsockopt(u, IPPROTO_IPV6, IPV6_V6ONLY, &v, sizeof v))); close(u); close(w); }
	{ int u = socket(AF_INET6, SOCK_STREAM, 0); v = 77; n = sizeof v; P("IPV6_UNICAST_HOPS default: %s", E(getsockopt(u, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &v, &n))); P(" %d\n", v); close(u); u = socket(AF_INET6, SOCK_DGRAM, 0); n = sizeof v; P("dgram: %s", E(getsockopt(u, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &v, &n))); P(" %d\n", v); n = sizeof v; P("MULTICAST_HOPS default: %s", E(getsockopt(u, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &v, &n))); P(" %d\n", v); close(u); }
	/* 4 never connected */
	{ int c = socket(AF_INET, SOCK_STREAM, 0); nb(c); rv("unconnected TCP, OUT|IN", c, POLLOUT | POLLIN | POLLRDHUP); n = sizeof s; P("getpeername: %s\n", E(getpeername(c, (void *)&s, &n)));
	  P("send 0 bytes: %s\n", E(send(c, "", 0, 0)));
#ifdef TCP_INFO
	  struct tcp_info ti; memset(&ti, 0, sizeof ti); n = sizeof ti; P("TCP_INFO: %s", E(getsockopt(c, IPPROTO_TCP, TCP_INFO, &ti, &n))); P(" state %d\n", ti.tcpi_state);
#else
	  P("no TCP_INFO\n");
#endif
	  close(c); c = socket(AF_UNIX, SOCK_STREAM, 0); nb(c); rv("unconnected Unix, OUT|IN", c, POLLOUT | POLLIN | POLLRDHUP); close(c); }
	/* 5 peer's ends */
	tcp(&a, &b); rv("TCP idle", a, POLLIN | POLLRDHUP); shutdown(b, SHUT_WR); usleep(50000); rv("TCP peer SHUT_WR", a, POLLIN | POLLOUT | POLLRDHUP); close(b); usleep(50000); rv("TCP peer closed", a, POLLIN | POLLOUT | POLLRDHUP); close(a);
	tcp(&a, &b); { struct linger lg = { 1, 0 }; setsockopt(b, SOL_SOCKET, SO_LINGER, &lg, sizeof lg); close(b); usleep(50000); rv("TCP reset", a, POLLIN | POLLOUT | POLLRDHUP); n = sizeof v; getsockopt(a, SOL_SOCKET, SO_ERROR, &v, &n); P("SO_ERROR %d\n", v); rv("TCP reset, error taken", a, POLLIN | POLLOUT | POLLRDHUP); close(a); }
	{ int c = socket(AF_INET, SOCK_STREAM, 0), l = lis(&s); close(l); nb(c); P("connect refused: %s\n", E(connect(c, (void *)&s, sizeof s))); usleep(50000); rv("refused", c, POLLIN | POLLOUT | POLLRDHUP); n = sizeof v; getsockopt(c, SOL_SOCKET, SO_ERROR, &v, &n); P("SO_ERROR %d\n", v); close(c); }
	{ int u = socket(AF_INET, SOCK_DGRAM, 0), w = socket(AF_INET, SOCK_DGRAM, 0); memset(&s, 0, sizeof s); s.sin_family = AF_INET; s.sin_addr.s_addr = htonl(INADDR_LOOPBACK); n = sizeof s; bind(w, (void *)&s, n); getsockname(w, (void *)&s, &n); close(w); connect(u, (void *)&s, sizeof s); send(u, "x", 1, 0); usleep(50000); rv("UDP refused", u, POLLIN | POLLOUT | POLLRDHUP); close(u); }
	/* 6 unix */
	{ int q[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, q); shutdown(q[1], SHUT_RD); P("Unix peer SHUT_RD, write: %s\n", E(write(q[0], "x", 1))); rv("Unix peer SHUT_RD", q[0], POLLIN | POLLOUT | POLLRDHUP); close(q[0]); close(q[1]);
	  socketpair(AF_UNIX, SOCK_STREAM, 0, q); shutdown(q[1], SHUT_WR); rv("Unix peer SHUT_WR", q[0], POLLIN | POLLOUT | POLLRDHUP); close(q[1]); rv("Unix peer closed", q[0], POLLIN | POLLOUT | POLLRDHUP); close(q[0]);
	  close(kq); kq = kqueue(); socketpair(AF_UNIX, SOCK_DGRAM, 0, q); nb(q[0]); nb(q[1]); ctl(q[0], EVFILT_WRITE, EV_ADD | EV_CLEAR, 1); show("dgram W", W(20)); int k = 0; while (send(q[0], buf, 1000, 0) == 1000) k++; P("dgram queue full after %d: %s\n", k, strerror(errno)); show("full", W(20)); rv("full: poll", q[0], POLLOUT); while (recv(q[1], buf, 2000, 0) > 0) ; show("drained", W(50)); rv("drained: poll", q[0], POLLOUT); close(q[0]); close(q[1]); }
	{ struct sockaddr_un un, me, got; int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0); memset(&un, 0, sizeof un); un.sun_family = AF_UNIX; strcpy(un.sun_path, "/tmp/l.s"); unlink("/tmp/l.s"); unlink("/tmp/m.s"); me = un; strcpy(me.sun_path, "/tmp/m.s"); bind(l, (void *)&un, offsetof(struct sockaddr_un, sun_path) + 9); listen(l, 5); bind(c, (void *)&me, offsetof(struct sockaddr_un, sun_path) + 8); P("connect: %s\n", E(connect(c, (void *)&un, offsetof(struct sockaddr_un, sun_path) + 9))); n = sizeof got; memset(&got, 0x5a, sizeof got); a = accept(l, (void *)&got, &n); P("accept from a named client: len %d path '%.20s'\n", (int)n, n > 2 ? got.sun_path : ""); n = sizeof got; getpeername(a, (void *)&got, &n); P("getpeername: len %d '%.20s'\n", (int)n, n > 2 ? got.sun_path : ""); n = 4; getpeername(a, (void *)&got, &n); P("getpeername with 4: len %d\n", (int)n);
	  n = sizeof got; getsockname(a, (void *)&got, &n); P("getsockname of accepted: len %d '%.20s'\n", (int)n, n > 2 ? got.sun_path : ""); close(c); c = socket(AF_UNIX, SOCK_STREAM, 0); connect(c, (void *)&un, sizeof un); n = sizeof got; b = accept(l, (void *)&got, &n); P("accept from an unnamed client: len %d family %d\n", (int)n, n ? got.sun_family : -1); }
	{ int q[2]; struct stat st; tcp(&a, &b); fstat(a, &st); P("fstat TCP: dev %llx ino %llx mode %o\n", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, st.st_mode); fstat(b, &st); P("fstat TCP: dev %llx ino %llx\n", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino); pipe(q); fstat(q[0], &st); P("fstat pipe: dev %llx ino %llx\n", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino); fstat(q[1], &st); P("fstat pipe: dev %llx ino %llx\n", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino); socketpair(AF_UNIX, SOCK_STREAM, 0, q); fstat(q[0], &st); P("fstat unix: dev %llx ino %llx\n", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino); fstat(q[1], &st); P("fstat unix: dev %llx ino %llx\n", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino); fstat(kq, &st); P("fstat kqueue: %s dev %llx ino %llx\n", E(fstat(kq, &st)), (unsigned long long)st.st_dev, (unsigned long long)st.st_ino); }
#ifdef EVFILT_USER
	{ struct kevent k, r; struct timespec z = {0, 0}; close(kq); kq = kqueue(); set(&k, 5, EVFILT_USER, EV_ADD | EV_CLEAR | EV_RECEIPT, 9); P("user add: n=%d", kevent(kq, &k, 1, &r, 1, &z)); P(" flags %x data %lld\n", (unsigned)r.flags, (long long)r.data); set(&k, 5, EVFILT_USER, EV_RECEIPT, 9); k.fflags = NOTE_TRIGGER; for (int i = 0; i < 3; i++) kevent(kq, &k, 1, &r, 1, &z); show("user 3 triggers", W(20)); show(" then", W(20)); kevent(kq, &k, 1, &r, 1, &z); show("again", W(20)); set(&k, 6, EVFILT_USER, EV_RECEIPT, 9); k.fflags = NOTE_TRIGGER; v = kevent(kq, &k, 1, &r, 1, &z); P("trigger of an absent one: n=%d flags %x data %lld\n", v, (unsigned)r.flags, (long long)r.data); }
#endif
	{ struct timespec t = { 0, 1000000 }, t0, t1; clock_gettime(CLOCK_MONOTONIC, &t0); close(kq); kq = kqueue(); for (int i = 0; i < 20; i++) kevent(kq, 0, 0, ev, 1, &t); clock_gettime(CLOCK_MONOTONIC, &t1); P("20 waits of 1 ms: %ld ms\n", (long)((t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000)); t.tv_sec = 0; t.tv_nsec = 1; clock_gettime(CLOCK_MONOTONIC, &t0); for (int i = 0; i < 20; i++) kevent(kq, 0, 0, ev, 1, &t); clock_gettime(CLOCK_MONOTONIC, &t1); P("20 waits of 1 ns: %ld us\n", (long)((t1.tv_sec - t0.tv_sec) * 1000000 + (t1.tv_nsec - t0.tv_nsec) / 1000)); }
#ifdef EVFILT_TIMER
	{ struct timespec t = { 86400, 0 }; struct kevent k; set(&k, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 1); k.data = 20; P("timer add %d\n", kevent(kq, &k, 1, 0, 0, 0)); P("wait of a day with a 20 ms timer: %d %s\n", v = kevent(kq, 0, 0, ev, 1, &t), E(v)); }
#endif
	P("done\n");
	return 0;
}
