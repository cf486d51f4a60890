/*
 * test_metrics.c: a collector that takes what it is sent, and one that hangs up. Nothing here sees the bug in
 * metrics.c.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics.h"

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                        \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

struct collector {
	pthread_t thread;
	int listener;
	uint16_t port;
	unsigned acknowledgements; /* before it hangs up */
};

static void *collect(void *argument)
{
	struct collector *collector = argument;
	int client = accept(collector->listener, NULL, NULL);
	char line[128];

	CHECK(client >= 0);
	for (unsigned i = 0; i < collector->acknowledgements; i++) {
		CHECK(read(client, line, sizeof(line)) > 0);
		CHECK(write(client, "ok\n", 3) == 3);
	}
	CHECK(read(client, line, sizeof(line)) > 0);
	close(client);
	return NULL;
}

static void start(struct collector *collector, unsigned acknowledgements)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	collector->acknowledgements = acknowledgements;
	collector->listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(collector->listener >= 0);
	CHECK(!bind(collector->listener, (struct sockaddr *)&address, sizeof(address)));
	CHECK(!listen(collector->listener, 1));
	CHECK(!getsockname(collector->listener, (struct sockaddr *)&address, &length));
	collector->port = ntohs(address.sin_port);
	CHECK(!pthread_create(&collector->thread, NULL, collect, collector));
}

static void finish(struct collector *collector)
{
	pthread_join(collector->thread, NULL);
	close(collector->listener);
}

static void test_acknowledged(void)
{
	struct collector collector;
	struct metrics metrics;

	start(&collector, 2);
	CHECK(metrics_connect(&metrics, collector.port));
	metrics_push(&metrics, "requests", 17);
	CHECK(metrics_flush(&metrics));
	metrics_push(&metrics, "requests", 18);
	CHECK(metrics_flush(&metrics));
	metrics_push(&metrics, "done", 1);
	metrics_close(&metrics);
	finish(&collector);
}

static void test_collector_hangs_up(void)
{
	struct collector collector;
	struct metrics metrics;

	start(&collector, 0);
	CHECK(metrics_connect(&metrics, collector.port));
	metrics_push(&metrics, "requests", 17);
	CHECK(!metrics_flush(&metrics));
	/* Goes nowhere, and must not disturb. */
	metrics_push(&metrics, "requests", 18);
	metrics_close(&metrics);
	finish(&collector);
}

int main(void)
{
	test_acknowledged();
	test_collector_hangs_up();
	puts("2 tests passed");
	return 0;
}
