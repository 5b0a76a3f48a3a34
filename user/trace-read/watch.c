// SPDX-License-Identifier: GPL-2.0-only
/* Waits for timers, signals and descriptors. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base.h"
#include "watch.h"

#define MAX_EVENTS 64

/* Tell signals and timers from descriptors that are only waited for. */
#define IS_SIGNAL	(1u << 30)
#define IS_TIMER	(1u << 31)

static int epoll = -1;

static void add(int fd, uint32_t what)
{
	struct epoll_event e = {
		.events = EPOLLIN, .data.u64 = (uint64_t)what << 32 | (uint32_t)fd,
	};

	if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
		die("epoll: %s", strerror(errno));
}

void watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* A reader that goes away shows as a failed write. */
	signal(SIGPIPE, SIG_IGN);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	add(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), IS_SIGNAL);
}

static void add_timer(uint64_t ns, bool again, unsigned int what)
{
	struct itimerspec t = {
		.it_value = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 },
	};
	int fd;

	if (!ns)
		return;
	if (again)
		t.it_interval = t.it_value;
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0 || timerfd_settime(fd, 0, &t, NULL))
		die("timer: %s", strerror(errno));
	add(fd, what | IS_TIMER);
}

void watch_start(uint64_t duration_ns, uint64_t interval_ns, uint64_t turn_ns)
{
	add_timer(duration_ns, false, WATCH_END);
	add_timer(interval_ns, true, WATCH_INTERVAL);
	add_timer(turn_ns, true, WATCH_TURN);
}

void watch_add(int fd, unsigned int what)
{
	add(fd, what);
}

static unsigned int take_signals(int fd)
{
	struct signalfd_siginfo info;
	unsigned int what = 0;

	while (read(fd, &info, sizeof(info)) == sizeof(info))
		what |= info.ssi_signo == SIGCHLD ? WATCH_CHILD : WATCH_END;
	return what;
}

unsigned int watch_wait(void)
{
	struct epoll_event events[MAX_EVENTS];
	unsigned int what = 0;
	uint64_t expired;
	int n, i;

	n = epoll_wait(epoll, events, MAX_EVENTS, -1);
	if (n < 0 && errno != EINTR)
		die("epoll: %s", strerror(errno));
	for (i = 0; i < n; i++) {
		uint32_t kind = events[i].data.u64 >> 32;
		int fd = (uint32_t)events[i].data.u64;

		if (kind & IS_SIGNAL)
			what |= take_signals(fd);
		else if (!(kind & IS_TIMER) || read(fd, &expired, sizeof(expired)) > 0)
			what |= kind & ~IS_TIMER;
	}
	return what;
}
