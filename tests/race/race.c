/*
 * race.c SCENARIO SECONDS ROUNDS: threads that close, open and use the same descriptors at the same time, and know what
 * is true of it.
 *
 * Ends after SECONDS, or after ROUNDS connections of each worker, whichever comes first. Prints one line for each
 * connection whose bytes were counted where they arrived ("sent PORT PEER BYTES": the client's port and the server's),
 * and "end". scripts/race holds that against the report.
 *
 * More than 400 lines: one program, whose scenarios share the threads and what is known of each connection.
 *
 * In reopen, dup2 and blocked a thread uses a number that another one gives to the next connection: its bytes arrive
 * somewhere, and may be booked there or nowhere. All the other scenarios are correct: the report is to say nothing of
 * them.
 */
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/race/calls.h"

#define WORKERS 4
#define REACTORS 3

static atomic_bool over;
static int rounds;
static struct timespec end_at;
static int epoll_fd;
static atomic_int number = -1; /* what the stray threads use */

static void fail(const char *what)
{
	perror(what);
	_exit(9);
}

static bool is_time(int round)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return round >= rounds || now.tv_sec > end_at.tv_sec ||
	       (now.tv_sec == end_at.tv_sec && now.tv_nsec >= end_at.tv_nsec);
}

static int listen_on(struct sockaddr_in *address)
{
	socklen_t length = sizeof(*address);
	int fd = race_socket();

	memset(address, 0, sizeof(*address));
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)address, length) || listen(fd, 128) ||
		getsockname(fd, (struct sockaddr *)address, &length))
		fail("listen");
	return fd;
}

static uint16_t port_of(int fd, int (*ask)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	if (ask(fd, (struct sockaddr *)&address, &length))
		fail("the port of a socket");
	return ntohs(address.sin_port);
}

static int connect_to(const struct sockaddr_in *address)
{
	int fd = race_socket();

	if (fd < 0 || race_connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		fail("connect");
	return fd;
}

struct pair {
	int server;
	uint16_t client_port, server_port;
};

/*
 * The other end of a connection that has just been made; once it is over the kernel does not tell the ports any more.
 */
static struct pair accept_from(int listener)
{
	struct pair pair = {.server = race_accept(listener)};

	pair.client_port = port_of(pair.server, getpeername);
	pair.server_port = port_of(pair.server, getsockname);
	return pair;
}

/*
 * What arrived by the kernel's account, which counts the FIN as one more: a stray thread that is late may read from
 * this end, or write to it, so that a reset throws away what was not read. `read_` is what this thread has read.
 */
static size_t arrived(const struct pair *pair, size_t read_, bool has_ended)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);

	memset(&info, 0, sizeof(info));
	getsockopt(pair->server, IPPROTO_TCP, TCP_INFO, &info, &length);
	return info.tcpi_bytes_received > read_ + has_ended ? info.tcpi_bytes_received - has_ended : read_;
}

/* Reads to the end, says how much arrived, and closes. */
static void drain(const struct pair *pair, size_t had)
{
	char bytes[4096];
	ssize_t got;

	while ((got = race_recv(pair->server, bytes, sizeof(bytes), 0)) > 0)
		had += (size_t)got;
	printf("sent %u %u %zu\n", pair->client_port, pair->server_port, arrived(pair, had, got == 0));
	race_close(pair->server);
}

/* ---- numbers that change hands under a call ---- */

static void *stray(void *unused)
{
	char byte;

	(void)unused;
	while (!over) {
		int fd = number;

		if (fd < 0)
			continue;
		race_send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		race_recv(fd, &byte, 1, MSG_DONTWAIT);
	}
	return NULL;
}

static void change_hands(bool by_dup2)
{
	struct sockaddr_in address;
	int listener = listen_on(&address);
	int marker = by_dup2 ? listen_on(&(struct sockaddr_in){0}) : -1;
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, stray, NULL);
	for (int round = 0; !is_time(round); round++) {
		int client = connect_to(&address);
		struct pair pair = accept_from(listener);

		number = client;
		race_send(client, "abcd", (size_t)round % 4 + 1, MSG_NOSIGNAL);
		if (by_dup2)
			race_dup2(marker, client);
		race_close(client);
		drain(&pair, 0);
	}
	over = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

static void reopen(void)
{
	change_hands(false);
}

static void dup2_over(void)
{
	change_hands(true);
}

/* As OpenJDK ends a blocked call: another socket takes the number, and a signal wakes the thread. */
static void wake(int signal)
{
	(void)signal;
}

static void *block(void *argument)
{
	static char bytes[1 << 20];
	const int *fd = argument;

	while (race_send(*fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

static void blocked(void)
{
	struct sigaction action = {.sa_handler = wake};
	struct sockaddr_in address, other;
	int listener = listen_on(&address);
	int marker = listen_on(&other);

	sigaction(SIGUSR1, &action, NULL);
	for (int round = 0; !is_time(round * 20); round++) {
		struct timespec pause = {0, 2000000};
		int client = connect_to(&address);
		struct pair pair = accept_from(listener);
		pthread_t thread;

		pthread_create(&thread, NULL, block, &client);
		nanosleep(&pause, NULL);
		race_dup2(marker, client);
		pthread_kill(thread, SIGUSR1);
		pthread_join(thread, NULL);
		race_close(client);
		drain(&pair, 0);
	}
}

/* ---- correct in every way ---- */

enum way { BY_NOTHING, BY_EPOLL, BY_POLL, BY_SELECT };
static enum way way;

static void serve(int client, const struct pair *pair)
{
	int server = pair->server;
	char bytes[8];
	struct pollfd asked = {.fd = client, .events = POLLIN | POLLRDHUP};
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = client};
	size_t sent = 0;

	if (way == BY_EPOLL)
		race_epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client, &event);
	for (int i = 0; i < 3; i++) {
		if (race_send(client, "abc", 3, MSG_NOSIGNAL) != 3)
			fail("send");
		sent += (size_t)race_recv(server, bytes, sizeof(bytes), 0);
	}
	race_shutdown(server, SHUT_WR);
	if (way == BY_POLL)
		race_poll(&asked, 1, 1000);
	if (way == BY_SELECT && client < FD_SETSIZE) {
		struct timeval timeout = {1, 0};
		fd_set set;

		FD_ZERO(&set);
		FD_SET(client, &set);
		race_select(client + 1, &set, &timeout);
	}
	if (race_recv(client, bytes, sizeof(bytes), 0) != 0)
		fail("recv");
	if (way == BY_EPOLL)
		race_epoll_ctl(epoll_fd, EPOLL_CTL_DEL, client, &event);
	race_close(client);
	drain(pair, sent);
}

static void *work(void *unused)
{
	struct sockaddr_in address;
	int listener = listen_on(&address);

	(void)unused;
	for (int round = 0; !is_time(round); round++) {
		int client = connect_to(&address);
		struct pair pair = accept_from(listener);

		serve(client, &pair);
	}
	race_close(listener);
	return NULL;
}

/* Told of connections that are gone by the time it looks; as a correct reactor, it does nothing with those. */
static void *react(void *unused)
{
	struct epoll_event events[64];

	(void)unused;
	while (!over)
		race_epoll_wait(epoll_fd, events, 64, 1);
	return NULL;
}

static void correct(enum way by, void (*meanwhile)(void))
{
	pthread_t workers[WORKERS], reactors[REACTORS];

	way = by;
	epoll_fd = epoll_create1(0);
	for (int i = 0; i < REACTORS; i++)
		pthread_create(&reactors[i], NULL, react, NULL);
	for (int i = 0; i < WORKERS; i++)
		pthread_create(&workers[i], NULL, work, NULL);
	if (meanwhile)
		meanwhile();
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i], NULL);
	over = true;
	for (int i = 0; i < REACTORS; i++)
		pthread_join(reactors[i], NULL);
}

static void fork_often(void)
{
	for (int round = 0; !is_time(round * 20); round++) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
	}
}

static void by_epoll(void)
{
	correct(BY_EPOLL, NULL);
}

static void by_poll(void)
{
	correct(BY_POLL, NULL);
}

static void by_select(void)
{
	correct(BY_SELECT, NULL);
}

static void with_forks(void)
{
	correct(BY_POLL, fork_often);
}

/* Handlers that use sockets of their own, in the midst of calls on others. */
static int handler_pair[2];

static void handle(int signal)
{
	int saved = errno;
	char byte;

	(void)signal;
	if (race_send(handler_pair[0], "s", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
		race_recv(handler_pair[1], &byte, 1, MSG_DONTWAIT);
	errno = saved;
}

static void *work_under_signals(void *unused)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return work(unused);
}

static void under_signals(void)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
	struct sockaddr_in address;
	int listener = listen_on(&address);
	pthread_t workers[WORKERS];
	sigset_t set;

	handler_pair[0] = connect_to(&address);
	handler_pair[1] = race_accept(listener);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGUSR1, &action, NULL);
	way = BY_NOTHING;
	for (int i = 0; i < WORKERS; i++)
		pthread_create(&workers[i], NULL, work_under_signals, NULL);
	for (int round = 0; !is_time(round / 4); round++) {
		struct timespec pause = {0, 100000};

		kill(getpid(), SIGUSR1);
		nanosleep(&pause, NULL);
	}
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i], NULL);
}

/* One listener, many that accept and many that connect. */
static int common_listener;
static struct sockaddr_in common_address;

static void *accept_many(void *unused)
{
	int fd;

	(void)unused;
	while ((fd = race_accept(common_listener)) >= 0) {
		char bytes[8];

		while (race_recv(fd, bytes, sizeof(bytes), 0) > 0)
			;
		race_close(fd);
	}
	return NULL;
}

static void *connect_many(void *unused)
{
	(void)unused;
	for (int round = 0; !is_time(round); round++) {
		int fd = connect_to(&common_address);

		if (race_send(fd, "abcd", 4, MSG_NOSIGNAL) == 4)
			printf("sent %u %u 4\n", port_of(fd, getsockname), ntohs(common_address.sin_port));
		race_close(fd);
	}
	return NULL;
}

static void accept_storm(void)
{
	pthread_t accepting[WORKERS], connecting[WORKERS];

	common_listener = listen_on(&common_address);
	for (int i = 0; i < WORKERS; i++) {
		pthread_create(&accepting[i], NULL, accept_many, NULL);
		pthread_create(&connecting[i], NULL, connect_many, NULL);
	}
	for (int i = 0; i < WORKERS; i++)
		pthread_join(connecting[i], NULL);
	race_shutdown(common_listener, SHUT_RDWR);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(accepting[i], NULL);
}

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{"reopen", reopen},
	{"dup2", dup2_over},
	{"blocked", blocked},
	{"epoll", by_epoll},
	{"poll", by_poll},
	{"select", by_select},
	{"fork", with_forks},
	{"signals", under_signals},
	{"accept", accept_storm},
};

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	race_begin(argc, argv);
	rounds = atoi(argv[3]);
	clock_gettime(CLOCK_MONOTONIC, &end_at);
	end_at.tv_sec += atoi(argv[2]);
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (!strcmp(scenarios[i].name, argv[1])) {
			scenarios[i].run();
			race_end();
			puts("end");
			return 0;
		}
	return 2;
}
