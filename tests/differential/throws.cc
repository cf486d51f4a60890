/*
 * throws.cc: exceptions and cancellations that pass through the frames of libc's functions on sockets, and through what
 * stands before them. Prints `ok NAME: what came of it` for each thing, the same in every run.
 */
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <netinet/in.h>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

class Pair {
public:
	Pair()
	{
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
			throw std::runtime_error("socketpair");
	}
	~Pair()
	{
		for (int fd : fds)
			if (fd >= 0)
				close(fd);
	}
	void closePeer()
	{
		close(fds[1]);
		fds[1] = -1;
	}
	int fds[2];
};

int destroyed;

struct Counted {
	~Counted() { destroyed++; }
};

/* Throws from the depth of many frames, each with something to destroy, after a write to nobody. */
void descend(int fd, int depth)
{
	Counted counted;
	std::string text(100, 'x');

	if (depth)
		descend(fd, depth - 1);
	else if (send(fd, text.data(), text.size(), MSG_NOSIGNAL) < 0)
		throw std::runtime_error("send: " + std::string(strerror(errno)));
}

void fromTheDepth()
{
	int caught = 0;

	destroyed = 0;
	for (int i = 0; i < 200; i++) {
		Pair pair;

		pair.closePeer();
		try {
			descend(pair.fds[0], 50);
		} catch (const std::runtime_error &error) {
			caught += error.what() == std::string("send: Broken pipe");
		}
	}
	printf("ok from the depth: %d caught, %d destroyed\n", caught, destroyed);
}

/* A stream whose writes are made by a function of the program's, which throws: through fflush, or fwrite, of libc. */
ssize_t throwingWrite(void *, const char *, size_t)
{
	throw std::logic_error("from the stream");
}

void throughStdio()
{
	cookie_io_functions_t functions = {nullptr, throwingWrite, nullptr, nullptr};
	int caught = 0;

	for (int i = 0; i < 20; i++) {
		FILE *stream = fopencookie(nullptr, "w", functions);
		Counted counted;

		setvbuf(stream, nullptr, i % 2 ? _IONBF : _IOFBF, i % 2 ? 0 : 4096);
		try {
			fwrite("text", 1, 4, stream);
			fflush(stream);
		} catch (const std::logic_error &error) {
			caught++;
		}
		/* libc holds the stream's lock for ever now, so the stream is left as it is. */
	}
	printf("ok through stdio: %d caught\n", caught);
}

/* A signal in the middle of a blocked call, whose handler throws: the frames of the call are unwound. */
void throwingHandler(int)
{
	throw std::runtime_error("from the handler");
}

template <typename Call> bool interrupted(Call call)
{
	pthread_t thread = pthread_self();
	bool ended = false;
	std::thread waker([&] {
		usleep(50000);
		pthread_kill(thread, SIGUSR1);
	});

	try {
		call();
	} catch (const std::runtime_error &error) {
		ended = true;
	}
	waker.join();
	/* The handler has not returned, so its signal is still blocked. */
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
	return ended;
}

void fromAHandler()
{
	struct sigaction action = {};
	Pair pair;
	char buffer[10];
	std::vector<char> much(10000000);

	action.sa_handler = throwingHandler;
	sigaction(SIGUSR1, &action, nullptr);
	bool reading = interrupted([&] { Counted counted; recv(pair.fds[0], buffer, sizeof(buffer), 0); });
	bool writing = interrupted([&] { Counted counted; send(pair.fds[0], much.data(), much.size(), 0); });
	pair.closePeer();
	ssize_t after = send(pair.fds[0], "x", 1, MSG_NOSIGNAL);
	printf("ok from a handler: read %d, write %d, then %zd %s\n", reading, writing, after, strerror(errno));
}

/* A cancelled thread unwinds through the call it was blocked in. */
void *blockedForEver(void *fd)
{
	Counted counted;
	char byte;

	read(static_cast<int *>(fd)[0], &byte, 1);
	return nullptr;
}

void *writingForEver(void *fd)
{
	Counted counted;
	std::vector<char> much(100000);

	for (;;)
		if (write(static_cast<int *>(fd)[1], much.data(), much.size()) < 0)
			return nullptr;
}

void cancelled()
{
	int ended = 0;

	destroyed = 0;
	for (int i = 0; i < 20; i++) {
		Pair pair;
		pthread_t thread;
		void *result = nullptr;

		pthread_create(&thread, nullptr, i % 2 ? blockedForEver : writingForEver, pair.fds);
		usleep(5000);
		pthread_cancel(thread);
		pthread_join(thread, &result);
		ended += result == PTHREAD_CANCELED;
	}
	printf("ok cancelled: %d ended, %d destroyed\n", ended, destroyed);
}

/* An exception that one thread keeps and another throws again. */
void acrossThreads()
{
	int caught = 0;

	for (int i = 0; i < 20; i++) {
		Pair pair;
		std::exception_ptr kept;

		pair.closePeer();
		std::thread([&] {
			try {
				descend(pair.fds[0], 10);
			} catch (...) {
				kept = std::current_exception();
			}
		}).join();
		try {
			if (kept)
				std::rethrow_exception(kept);
		} catch (const std::exception &error) {
			caught++;
		}
	}
	printf("ok across threads: %d caught\n", caught);
}

/* Writes while an exception is on its way: from the destructors that it runs. */
struct Farewell {
	int fd;
	~Farewell()
	{
		if (send(fd, "bye", 3, MSG_NOSIGNAL) < 0)
			destroyed++;
	}
};

void fromDestructors()
{
	int caught = 0;

	destroyed = 0;
	for (int i = 0; i < 50; i++) {
		Pair pair;

		pair.closePeer();
		try {
			Farewell outer{pair.fds[0]};
			Farewell inner{pair.fds[0]};

			descend(pair.fds[0], 5);
		} catch (const std::exception &error) {
			caught++;
		}
	}
	printf("ok from destructors: %d caught, %d destroyed\n", caught, destroyed);
}

} // namespace

int main()
{
	setvbuf(stdout, nullptr, _IOLBF, 0);
	fromTheDepth();
	throughStdio();
	fromAHandler();
	cancelled();
	acrossThreads();
	fromDestructors();
	/* Not caught by anybody: the end is std::terminate's. */
	std::set_terminate([] {
		printf("ok terminate: called\n");
		fflush(stdout);
		_exit(3);
	});
	Pair pair;
	pair.closePeer();
	descend(pair.fds[0], 3);
}
