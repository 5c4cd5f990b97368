// SPDX-License-Identifier: MIT
// Rust's mio, as ../peer.h asks for it.  One thread calls all but
// peer_wake, which is why plain statics do.

use mio::net::{TcpListener, TcpStream};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::ffi::CStr;
use std::io::ErrorKind;
use std::mem::ManuallyDrop;
use std::os::raw::{c_char, c_int};
use std::os::unix::io::{AsRawFd, FromRawFd};
use std::time::Duration;

const BATCH: usize = 1024;

struct Peer {
    poll: Poll,
    events: Events,
    streams: Vec<Option<TcpStream>>,
    stopped: bool,
}

static mut PEER: Option<Peer> = None;
static mut WAKER: Option<Waker> = None;

#[no_mangle]
pub static mut peer_level: bool = false;

extern "C" {
    fn work_ready(token: usize);
    fn bench_skip(why: *const c_char) -> !;
}

fn peer() -> &'static mut Peer {
    unsafe {
        match &mut *std::ptr::addr_of_mut!(PEER) {
            Some(peer) => peer,
            None => std::process::abort(),
        }
    }
}

fn interests(writable: bool) -> Interest {
    if writable {
        Interest::READABLE | Interest::WRITABLE
    } else {
        Interest::READABLE
    }
}

#[no_mangle]
pub extern "C" fn peer_version() -> *const c_char {
    concat!(env!("BENCH_MIO_VERSION"), "\0").as_ptr() as *const c_char
}

#[no_mangle]
pub unsafe extern "C" fn peer_open(
    backend: *const c_char,
    capacity: usize,
    _threads: bool,
) {
    if CStr::from_ptr(backend).to_bytes() != b"default" {
        bench_skip("no such backend\0".as_ptr() as *const c_char);
    }
    let mut streams = Vec::new();
    streams.resize_with(capacity, || None);
    PEER = Some(Peer {
        poll: Poll::new().expect("Poll::new"),
        events: Events::with_capacity(BATCH),
        streams,
        stopped: false,
    });
}

#[no_mangle]
pub extern "C" fn peer_add(token: usize, fd: c_int, writable: bool) {
    peer()
        .poll
        .registry()
        .register(&mut SourceFd(&fd), Token(token), interests(writable))
        .expect("register");
}

#[no_mangle]
pub extern "C" fn peer_change(token: usize, fd: c_int, writable: bool) {
    peer()
        .poll
        .registry()
        .reregister(&mut SourceFd(&fd), Token(token), interests(writable))
        .expect("reregister");
}

#[no_mangle]
pub extern "C" fn peer_remove(_token: usize, fd: c_int) {
    peer()
        .poll
        .registry()
        .deregister(&mut SourceFd(&fd))
        .expect("deregister");
}

#[no_mangle]
pub extern "C" fn peer_accept(
    _listener: usize,
    fd: c_int,
    token: usize,
) -> c_int {
    let listener =
        ManuallyDrop::new(unsafe { TcpListener::from_raw_fd(fd) });
    match listener.accept() {
        Ok((mut stream, _)) => {
            let peer = peer();
            let fd = stream.as_raw_fd();
            peer.poll
                .registry()
                .register(&mut stream, Token(token), Interest::READABLE)
                .expect("register");
            peer.streams[token] = Some(stream);
            fd
        }
        // errno is as accept4 left it.
        Err(ref e) if e.kind() == ErrorKind::WouldBlock => -1,
        Err(e) => panic!("accept: {}", e),
    }
}

#[no_mangle]
pub extern "C" fn peer_close(token: usize, _fd: c_int) {
    peer().streams[token] = None;
}

#[no_mangle]
pub extern "C" fn peer_drained(_token: usize, _fd: c_int) {}

fn turn(timeout: Option<Duration>) {
    let peer = peer();
    match peer.poll.poll(&mut peer.events, timeout) {
        Ok(()) => (),
        Err(ref e) if e.kind() == ErrorKind::Interrupted => return,
        Err(e) => panic!("poll: {}", e),
    }
    for event in peer.events.iter() {
        if event.is_readable() {
            unsafe { work_ready(event.token().0) };
        }
    }
}

#[no_mangle]
pub extern "C" fn peer_run() {
    peer().stopped = false;
    while !peer().stopped {
        turn(None);
    }
}

#[no_mangle]
pub extern "C" fn peer_stop() {
    peer().stopped = true;
}

#[no_mangle]
pub extern "C" fn peer_turn() {
    turn(Some(Duration::from_secs(0)));
}

#[no_mangle]
pub extern "C" fn peer_add_waker(token: usize) {
    let waker =
        Waker::new(peer().poll.registry(), Token(token)).expect("Waker::new");
    unsafe { WAKER = Some(waker) };
}

#[no_mangle]
pub extern "C" fn peer_wake() {
    unsafe {
        if let Some(waker) = &*std::ptr::addr_of!(WAKER) {
            waker.wake().expect("wake");
        }
    }
}
