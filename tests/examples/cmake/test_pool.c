/*
 * test_pool.c: `test_pool reuse` asks twice over one connection; `test_pool restart` has a server that closes
 * connections without an answer, and asks again. Nothing here sees the bug in pool.c.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pool.h"

struct server {
	pthread_t thread;
	bool running;
	int end; /* of its connection */
	unsigned opened;
	unsigned answers; /* before it closes a connection */
};

static void *serve(void *argument)
{
	struct server *server = argument;
	char question[64];

	for (unsigned i = 0; read(server->end, question, sizeof(question)) > 0 && i < server->answers; i++)
		if (write(server->end, "answer", 6) != 6)
			break;
	close(server->end);
	return NULL;
}

static void wait_for(struct server *server)
{
	if (server->running)
		pthread_join(server->thread, NULL);
	server->running = false;
}

static int open_connection(void *context)
{
	struct server *server = context;
	int ends[2];

	wait_for(server);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return -1;
	server->end = ends[1];
	server->opened++;
	server->running = !pthread_create(&server->thread, NULL, serve, server);
	return ends[0];
}

static int test_reuse(void)
{
	struct server server = {.answers = 2};
	struct pool pool = {.open = open_connection, .context = &server, .idle = -1};
	char answer[64];
	bool good = pool_ask(&pool, "one", answer, sizeof(answer)) && pool_ask(&pool, "two", answer, sizeof(answer));

	pool_empty(&pool);
	wait_for(&server);
	return good && server.opened == 1 && !strcmp(answer, "answer") ? 0 : 1;
}

static int test_restart(void)
{
	struct server server = {.answers = 0};
	struct pool pool = {.open = open_connection, .context = &server, .idle = -1};
	char answer[64];
	bool good = !pool_ask(&pool, "one", answer, sizeof(answer)) && !pool_ask(&pool, "two", answer, sizeof(answer));

	pool_empty(&pool);
	wait_for(&server);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "reuse"))
		return test_reuse();
	if (argc == 2 && !strcmp(argv[1], "restart"))
		return test_restart();
	fputs("usage: test_pool reuse|restart\n", stderr);
	return 2;
}
