/* SPDX-License-Identifier: MIT */
/*
 * How poll.c hands its table between the waiting thread and the others, for
 * spin: checks/models.sh runs it.
 *
 * Shown for every interleaving: what is registered or armed anew during a
 * wait is seen by it, nothing is reported after its removal, no event is
 * lost when the capacity is 1 or a wait ends early (a signal, the deadline,
 * cancellation), fds[] changes only when the kernel does not read it, and no
 * wait returns idle more often than it was interrupted.
 *
 * Source 0 is there from the start, source 1 is added during the waits and
 * source 2 removed.  FAULT: what must not be done.
 */

#ifndef FAULT
#define FAULT 0
#endif
#define SOURCES 3
#define ARRIVALS 2 /* of data, at source 0 */
#define EARLY 1    /* ends of a wait */

bool locked;
bool polled;   /* the kernel has fds[] */
bool notified; /* the notify descriptor is readable */
bool kicked;

bool registered[SOURCES], armed[SOURCES], changed[SOURCES];
bool fds[SOURCES]; /* what the kernel is asked: armed */
bool ready[SOURCES], found[SOURCES], event[SOURCES];
bool removed;
byte changes, idle, early;

inline lock()
{
	atomic { !locked -> locked = true }
}

inline unlock()
{
	locked = false
}

inline kick()
{
	if
	:: polled && !kicked ->
		kicked = true;
		changes++;
		notified = true
	:: else
	fi
}

inline touch(place)
{
	if
	:: !polled || FAULT == 1 ->
		assert(!polled);
		fds[place] = registered[place] && armed[place]
	:: else
	fi
}

/* Data arrive; whoever gets the event reads all, to EAGAIN, and rearms. */
proctype Peer()
{
	byte i;

	ready[2] = true;
	for (i : 1 .. ARRIVALS) {
		ready[0] = true
	}
	ready[1] = true
}

proctype Reader(byte place)
{
	byte i;

end:
	do
	:: atomic { event[place] -> event[place] = false }
		ready[place] = false;
		lock();
#if FAULT != 2
		if
		:: registered[place] -> armed[place] = true
		:: else
		fi;
#endif
		touch(place);
#if FAULT != 3
		kick();
#endif
		unlock()
	od
}

proctype Add()
{
	lock();
	registered[1] = true;
	armed[1] = true;
	touch(1);
#if FAULT != 4
	kick();
#endif
	unlock()
}

proctype Remove()
{
	lock();
	registered[2] = false;
	changed[2] = true;
	touch(2);
	kick();
	unlock();
	removed = true
}

inline collect(place)
{
	if
	:: found[place] && !events &&
	    (FAULT == 5 || (registered[place] && !changed[place])) ->
		assert(place != 2 || !removed);
		armed[place] = false;
		event[place] = true;
		events = true
	:: else
	fi;
	found[place] = false
}

inline sync(place)
{
	changed[place] = false;
	fds[place] = registered[place] && armed[place]
}

active proctype Wait()
{
	byte i, first;
	bool events, ended;

	atomic {
		registered[0] = true;
		armed[0] = true;
		fds[0] = true;
		registered[2] = true;
		armed[2] = true;
		fds[2] = true;
		run Reader(0);
		run Reader(1);
		run Peer();
		run Add();
		run Remove()
	}
	do
	:: events = false;
		ended = false;
#if FAULT == 6
		skip;
#endif
		lock();
#if FAULT != 6
		polled = true;
#endif
		unlock();
#if FAULT == 6
		polled = true;
#endif
		/* ppoll(2), once or twice: nobody can tell. */
		if
		:: atomic {
			notified || (fds[0] && ready[0]) ||
			    (fds[1] && ready[1]) || (fds[2] && ready[2]) ->
			for (i : 0 .. SOURCES - 1) {
				found[i] = fds[i] && ready[i]
			}
		   }
		:: early < EARLY -> early++; ended = true
		:: timeout -> break
		fi;
		lock();
		if
		:: !ended && notified ->
			notified = false;
#if FAULT != 7
			kicked = false
#endif
		:: else
		fi;
		/* collect: from any place on, no more than the capacity. */
		atomic {
			if
			:: first = 0
			:: first = 1
			:: first = 2
			fi;
			for (i : 0 .. SOURCES - 1) {
				collect(((first + i) % SOURCES))
			}
			idle = idle + (!events && !ended)
		}
		/* sync_fds */
		atomic {
			polled = false;
			for (i : 0 .. SOURCES - 1) {
#if FAULT == 8
				if
				:: i != 1 -> sync(i)
				:: else
				fi
#else
				sync(i)
#endif
			}
		}
		unlock();
		assert(idle <= changes)
	od;
	for (i : 0 .. 1) {
		assert(!ready[i]);
		assert(!event[i])
	}
}
