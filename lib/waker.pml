/* SPDX-License-Identifier: MIT */
/*
 * The protocol of waker.c, for spin: checks/models.sh runs it.
 *
 * Threads wake; one polls, and returns for other reasons besides.  Shown for
 * every interleaving: each wake whose signal does not fail is followed by a
 * return of mio_poll that carries the waker's event, and whose thread sees
 * what was done before the wake.
 *
 * Where C11 allows more than interleavings, the model chooses the worst: what
 * was done before a wake becomes visible no sooner than its release (the
 * read-modify-write of the flag), the poll sees no more than at its acquire,
 * and its relaxed load of the flag is sure to find it set only if the event is
 * that of a signal that came after.
 *
 * WAKER: 0 eventfd; 1 a pipe on a kernel that makes an edge of each write,
 * 2 of each write into an empty pipe; 3 a pipe under poll(2), which wait
 * empties.  CANCEL: a waking thread may be cancelled while it signals.
 * FAULT: what must not be done.
 */

#ifndef WAKER
#define WAKER 0
#endif
#ifndef FAULT
#define FAULT 0
#endif
#ifndef THREADS
#define THREADS 2
#define WAKES 2
#endif
#define RETURNS 2 /* for other reasons */

bool pending; /* the flag in the registry */
bool carried; /* it was set when a signal was given */
bool edge;    /* the selector's: something was written */
byte bytes;   /* in the pipe */
byte unseen;  /* wakes whose release no return has acquired */
byte owed;    /* wakes that no event has followed */

#define READY (edge && (WAKER == 0 || bytes > 0))

/* A signal, or nothing: its thread was cancelled before. */
inline signal()
{
#if WAKER != 0 && FAULT != 3
	bytes = 0;
#endif
	atomic {
		if
		:: WAKER == 2 && bytes > 0
		:: else -> edge = true; carried = pending
		fi;
		bytes = (bytes < 2 -> bytes + 1 : 2);
	}
}

proctype Thread()
{
	bool before;
	byte i;

	for (i : 1 .. WAKES) {
		/* atomic_fetch_or(): released is what was done. */
		atomic {
			before = pending;
#if FAULT != 5
			pending = true;
#endif
#if FAULT == 2
		}
		skip;
		atomic {
#endif
			owed++;
			unseen++
		}
		if
		:: before -> goto done
		:: else
		fi;
#ifdef CANCEL
		if
		:: signal()
		:: skip; /* cancelled */
#if FAULT == 4
			pending = false
#else
			signal()
#endif
		fi;
#else
		signal();
#if FAULT == 5
		pending = true;
#endif
#endif
done:
		skip
	}
}

active proctype Poll()
{
	byte others;
	bool event, seen;

	atomic {
		byte i;

		for (i : 1 .. THREADS) {
			run Thread()
		}
	}
	do
	:: event = false;
#if FAULT == 1
		atomic { pending = false; carried = false; unseen = 0 }
#endif
		if
		:: atomic { READY -> edge = (WAKER == 3); event = true }
		:: others < RETURNS -> others++
		:: timeout -> break
		fi;
#if WAKER == 3
		if
		:: event -> atomic { bytes = 0; edge = false }
		:: else
		fi;
#endif
		/* mio__see_wakes(): the load, then the exchange. */
		if
		:: seen = pending
		:: !(event && carried) -> seen = false
		fi;
#if FAULT != 1
		if
		:: seen -> atomic {
				pending = false;
				carried = false;
				unseen = 0
			}
		:: else
		fi;
#endif
		if
		:: event -> owed = unseen
		:: else
		fi
	od;
	assert(owed == 0)
}
