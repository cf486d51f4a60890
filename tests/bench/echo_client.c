/*
 * echo_client: keeps an echo server busy.
 *
 *	echo_client PORT CONNECTIONS REQUESTS
 *
 * Each of the connections to 127.0.0.1 sends 64 bytes, waits until they are back, and sends the next, until all have
 * made REQUESTS together. Prints the requests a second.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE 64

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int connect_to(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1;

	inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		fail("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void ask(int fd)
{
	static const char message[MESSAGE];

	if (send(fd, message, sizeof(message), MSG_NOSIGNAL) != sizeof(message))
		fail("send");
}

/* Takes what is there; returns how much. */
static long take(int fd)
{
	char answer[MESSAGE];
	ssize_t bytes = recv(fd, answer, sizeof(answer), 0);

	if (bytes <= 0)
		fail("recv");
	return bytes;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	int port = argc == 4 ? atoi(argv[1]) : 0;
	int connections = argc == 4 ? atoi(argv[2]) : 0;
	long left = argc == 4 ? atol(argv[3]) : 0;
	long requests = left;
	int epoll = epoll_create1(0);
	long *missing = calloc(1024, sizeof(*missing)); /* bytes of the answer that each waits for, by descriptor */
	double begun;

	if (!port || connections < 1 || connections > 900 || left < connections || !missing) {
		fputs("usage: echo_client PORT CONNECTIONS REQUESTS\n", stderr);
		return 2;
	}
	for (int i = 0; i < connections; i++) {
		int fd = connect_to(port);
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

		if (fd >= 1024 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
			fail("epoll_ctl");
		missing[fd] = MESSAGE;
	}
	begun = now();
	for (int fd = 0; fd < 1024; fd++)
		if (missing[fd])
			ask(fd);
	while (left > 0) {
		struct epoll_event events[64];
		int count = epoll_wait(epoll, events, 64, 10000);

		if (count <= 0)
			fail("epoll_wait");
		for (int i = 0; i < count && left > 0; i++) {
			int fd = events[i].data.fd;

			missing[fd] -= take(fd);
			if (missing[fd])
				continue;
			missing[fd] = MESSAGE;
			if (--left >= connections)
				ask(fd);
		}
	}
	printf("%.0f\n", (double)requests / (now() - begun));
	return 0;
}
