/* SPDX-License-Identifier: MIT */
/*
 * The protocol of waker.c, for spin: checks/models.sh runs it.
 *
 * Threads wake; one polls, and returns for other reasons besides.  Shown for
 * every interleaving: each wake whose signal does not fail is followed by a
 * return of mio_poll that carries the waker's event, and whose thread sees
 * what was done before the wake; and no waker signals twice in an epoch.
 *
 * Where C11 allows more than interleavings, the model chooses the worst: what
 * was done before a wake becomes visible no sooner than its release (the
 * read-modify-write of `epoch`), the poll sees no more than at its acquire,
 * and the relaxed load of `claimed` may find any earlier value.
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

byte epoch = 1;
byte claimed, older;
byte signals; /* in the epoch */
bool edge;    /* the selector's: something was written */
byte bytes;   /* in the pipe */
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
		:: else -> edge = true
		fi;
		bytes = (bytes < 2 -> bytes + 1 : 2);
	}
}

proctype Thread()
{
	byte e, c, i;

	for (i : 1 .. WAKES) {
		/* atomic_fetch_add(&epoch, 0): released is what was done. */
		atomic {
			e = epoch;
#if FAULT == 2
		}
		skip;
		atomic {
#endif
			owed++;
		}
		if
		:: c = claimed
		:: c = older
		fi;
		if
		:: c >= e -> goto done
		:: else
		fi;
again:
		atomic {
			if
			:: claimed == c ->
				if
				:: older = claimed
				:: skip
				fi;
				claimed = e
			:: claimed != c ->
				c = claimed;
				if
				:: c >= e -> goto done
				:: else -> goto again
				fi
			fi
		}
#ifdef CANCEL
		if
		:: signal()
		:: skip; /* cancelled */
#if FAULT == 4
			claimed = 0
#else
			signal()
#endif
		fi;
#else
		signal();
#endif
		atomic {
			if
			:: e == epoch -> signals++
			:: else
			fi
		}
#ifndef CANCEL
		assert(signals <= 1);
#endif
done:
		skip
	}
}

active proctype Poll()
{
	byte others, event;

	atomic {
		byte i;

		for (i : 1 .. THREADS) {
			run Thread()
		}
	}
	do
	:: event = 0;
#if FAULT == 1
		atomic { epoch++; signals = 0; }
#endif
		if
		:: atomic { READY -> edge = (WAKER == 3); event = 1 }
		:: others < RETURNS -> others++
		:: timeout -> break
		fi;
#if WAKER == 3
		if
		:: event -> atomic { bytes = 0; edge = false }
		:: else
		fi;
#endif
		/* mio__waited(): acquired is what all before it released. */
		atomic {
#if FAULT != 1
			epoch++;
			signals = 0;
#endif
			if
			:: event -> owed = 0
			:: else
			fi
		}
	od;
	assert(owed == 0)
}
