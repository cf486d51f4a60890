/*
 * allocating.c: threads that allocate all the time while they use sockets, handlers that write while the program
 * allocates, writes to peers that have gone. To be built with a sanitizer, or with another allocator, and to behave as
 * it does alone.
 *
 *   allocating                    prints `ok NAME: what came of it` for each thing, the same in every run
 *   allocating use-after-free     sends from memory that it has freed: AddressSanitizer ends it
 *   allocating race               two threads write to one variable: ThreadSanitizer says so
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 6
#define ROUNDS 40

static int listener;
static struct sockaddr_in address;
static volatile sig_atomic_t pipe_signals;
static volatile sig_atomic_t alarms;
static int alarm_pair[2];
static int unguarded;

static void require(bool holds, const char *what)
{
	if (!holds) {
		printf("FAIL %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static void start_listener(void)
{
	socklen_t length = sizeof(address);

	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	require(listener >= 0 && !bind(listener, (struct sockaddr *)&address, sizeof(address)) &&
			!listen(listener, 64) && !getsockname(listener, (struct sockaddr *)&address, &length),
		"listener");
}

static int connected(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	require(fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)), "connection");
	return fd;
}

/* Answers one connection: each line, from a buffer that is new for it. */
static void *serve(void *stream_argument)
{
	FILE *stream = stream_argument;
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;

	while ((length = getline(&line, &capacity, stream)) > 0) {
		char *answer = malloc((size_t)length + 16);

		require(answer, "memory");
		snprintf(answer, (size_t)length + 16, "%zd %.*s\n", length, (int)length - 1, line);
		require(send(fileno(stream), answer, strlen(answer), MSG_NOSIGNAL) > 0, "answer");
		free(answer);
		free(line);
		line = NULL;
		capacity = 0;
	}
	free(line);
	fclose(stream);
	return NULL;
}

static void *accept_all(void *unused)
{
	pthread_t threads[THREADS];

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < THREADS; i++) {
			int fd = accept(listener, NULL, NULL);

			require(fd >= 0, "accept");
			require(!pthread_create(&threads[i], NULL, serve, fdopen(fd, "r+")), "thread");
		}
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
	}
	return unused;
}

static pthread_barrier_t barrier;

static void *ask(void *total_argument)
{
	long *total = total_argument;

	for (int round = 0; round < ROUNDS; round++) {
		int fd = connected();
		size_t length = 10 + (size_t)round * 100;
		char *question = malloc(length);
		char *answer = malloc(length + 16);
		size_t got = 0;

		require(question && answer, "memory");
		memset(question, 'q', length - 1);
		question[length - 1] = '\n';
		require(write(fd, question, length) == (ssize_t)length, "question");
		while (!got || answer[got - 1] != '\n') {
			ssize_t count = read(fd, answer + got, length + 15 - got);

			require(count > 0, "read");
			got += (size_t)count;
		}
		*total += (long)got;
		free(question);
		free(answer);
		close(fd);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void conversations(void)
{
	pthread_t acceptor;
	pthread_t threads[THREADS];
	long totals[THREADS] = {0};
	long total = 0;

	pthread_barrier_init(&barrier, NULL, THREADS);
	require(!pthread_create(&acceptor, NULL, accept_all, NULL), "thread");
	for (int i = 0; i < THREADS; i++)
		require(!pthread_create(&threads[i], NULL, ask, &totals[i]), "thread");
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		total += totals[i];
	}
	pthread_join(acceptor, NULL);
	pthread_barrier_destroy(&barrier);
	printf("ok conversations: %ld bytes\n", total);
}

static void count_pipe(int signal_number)
{
	pipe_signals += signal_number == SIGPIPE;
}

static void peers_that_went(void)
{
	struct sigaction action = {.sa_handler = count_pipe};
	int lost = 0;
	int refused = 0;

	sigaction(SIGPIPE, &action, NULL);
	for (int i = 0; i < 50; i++) {
		int client = connected();
		int server = accept(listener, NULL, NULL);
		char byte;
		char *text = strdup("to nobody");

		close(server);
		require(read(client, &byte, 1) == 0, "end");
		lost += send(client, text, strlen(text), 0) > 0;
		refused += send(client, text, strlen(text), 0) < 0 && errno == EPIPE;
		free(text);
		close(client);
	}
	printf("ok peers that went: %d lost, %d refused, %d signals\n", lost, refused, (int)pipe_signals);
}

static void write_from_handler(int signal_number)
{
	int saved = errno;

	if (send(alarm_pair[0], "tick", 4, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 && errno == EPIPE)
		alarms += signal_number == SIGALRM;
	errno = saved;
}

/* The handler's peer has gone, so each of its writes is worth a report, in the middle of whatever malloc was doing. */
static void handlers(void)
{
	struct sigaction action = {.sa_handler = write_from_handler, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 1000}, {0, 1000}};
	struct itimerval never = {{0, 0}, {0, 0}};
	size_t sum = 0;

	require(!socketpair(AF_UNIX, SOCK_STREAM, 0, alarm_pair), "pair");
	close(alarm_pair[1]);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (unsigned i = 0; alarms < 50 && i < 100 * 1000 * 1000; i++) {
		char *block = malloc(i % 5000 + 1);

		block[0] = (char)i;
		sum += (size_t)block[0];
		free(block);
		/* Where a sanitizer holds signals back until the program calls for something that may wait. */
		if (i % 1000 == 0)
			usleep(1);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	close(alarm_pair[0]);
	printf("ok handlers: %s\n", alarms >= 50 && sum ? "ran in the middle" : "did not run");
}

static void children(void)
{
	int status = 0;
	int pair[2];
	char text[20] = "";
	pid_t child;

	require(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "pair");
	fflush(stdout);
	child = fork();
	if (!child) {
		char *block = strdup("from the child");

		close(pair[0]);
		_exit(write(pair[1], block, strlen(block)) == (ssize_t)strlen(block) ? 5 : 6);
	}
	close(pair[1]);
	while (read(pair[0], text + strlen(text), sizeof(text) - strlen(text) - 1) > 0)
		;
	require(waitpid(child, &status, 0) == child, "child");
	close(pair[0]);
	printf("ok children: %s, status %d\n", text, WEXITSTATUS(status));
	fflush(stdout);
	status = system("exec 3<>/dev/null; echo ok system: a shell; exit 9");
	printf("ok system: status %d\n", WEXITSTATUS(status));
}

static void libraries(void)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	int loaded = 0;

	for (int i = 0; i < 20; i++) {
		void *library = dlopen("libresolv.so.2", RTLD_NOW | RTLD_LOCAL);

		loaded += library && dlsym(library, "ns_name_ntop");
		if (library)
			dlclose(library);
	}
	require(!getaddrinfo("127.0.0.1", "80", &hints, &found), "getaddrinfo");
	printf("ok libraries: loaded %d times, %s\n", loaded, found ? "found" : "not found");
	freeaddrinfo(found);
}

static void use_after_free(void)
{
	int client = connected();
	char *volatile text = strdup("freed");

	free(text);
	printf("ok sent: %zd\n", send(client, text, 5, 0));
}

static void *write_unguarded(void *value)
{
	for (int i = 0; i < 1000; i++)
		unguarded += value ? 1 : 2;
	return NULL;
}

static void race(void)
{
	pthread_t threads[2];

	pthread_create(&threads[0], NULL, write_unguarded, NULL);
	pthread_create(&threads[1], NULL, write_unguarded, &unguarded);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	printf("ok race: run\n");
}

int main(int argc, char **argv)
{
	start_listener();
	if (argc > 1) {
		if (!strcmp(argv[1], "use-after-free"))
			use_after_free();
		else
			race();
		return 0;
	}
	conversations();
	peers_that_went();
	handlers();
	children();
	libraries();
	close(listener);
	return 0;
}
