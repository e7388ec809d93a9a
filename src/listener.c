#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"

#define BACKLOG 1024 /* the kernel cuts it to net.core.somaxconn */
#define SD_LISTEN_FD 3

static int refuse(int code, const char *address, const char *why)
{
	log_event(LOG_LEVEL_ERROR, "cannot listen", "address", address, "error", why, NULL);
	return code;
}

static bool is_listening(int fd)
{
	int listening = 0;
	socklen_t length = sizeof(listening);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening != 0;
}

/* sd_listen_fds(3), without its library. */
static bool handed_over(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");

	return pid != NULL && count != NULL && strtol(pid, NULL, 10) == (long)getpid() &&
	    strcmp(count, "1") == 0;
}

static int inherit(struct listener *listener)
{
	int domain = 0;
	socklen_t length = sizeof(domain);

	if (is_listening(STDIN_FILENO))
		listener->fd = STDIN_FILENO;
	else if (handed_over() && is_listening(SD_LISTEN_FD))
		listener->fd = SD_LISTEN_FD;
	else
		return refuse(EX_USAGE, "fd 0", "not a listening socket, and there is no -s");
	if (getsockopt(listener->fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0)
		return refuse(EX_OSERR, "fd 0", strerror(errno));
	listener->inherited = true;
	listener->tcp = domain != AF_UNIX;
	return 0;
}

/* 0 when the path is free, or has a socket that nobody listens on. */
static int check_path(const struct sockaddr_un *address)
{
	struct stat status;
	int result = EX_OSERR;
	int error = 0;
	int fd;

	if (lstat(address->sun_path, &status) != 0)
		return errno == ENOENT ? 0 : refuse(EX_OSERR, address->sun_path, strerror(errno));
	if (!S_ISSOCK(status.st_mode))
		return refuse(EX_OSERR, address->sun_path, "there is a file that is no socket");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return refuse(EX_OSERR, address->sun_path, strerror(errno));
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
		error = errno;
	if (error == ECONNREFUSED)
		result = 0;
	else if (error == 0 || error == EAGAIN)
		result = refuse(EX_TEMPFAIL, address->sun_path, "another process listens there");
	else
		result = refuse(EX_OSERR, address->sun_path, strerror(error));
	close(fd);
	return result;
}

static bool set_group(const char *path, const char *group)
{
	const struct group *entry = getgrnam(group);

	if (entry == NULL) {
		errno = EINVAL;
		return false;
	}
	return chown(path, (uid_t)-1, entry->gr_gid) == 0;
}

/* Nobody can connect before listen(), and nobody finds it before it has its
 * name: so it is born under another one. */
static bool bind_and_name(struct listener *listener, const struct sockaddr_un *address, mode_t mode,
    const char *group)
{
	struct sockaddr_un birth = { .sun_family = AF_UNIX };
	struct stat status;
	int length = snprintf(birth.sun_path, sizeof(birth.sun_path), "%s.%ld", address->sun_path,
	    (long)getpid());

	if (length < 0 || (size_t)length >= sizeof(birth.sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	unlink(birth.sun_path);
	if (bind(listener->fd, (const struct sockaddr *)&birth, sizeof(birth)) != 0)
		return false;
	if ((group == NULL || set_group(birth.sun_path, group)) && chmod(birth.sun_path, mode) == 0 &&
	    stat(birth.sun_path, &status) == 0 && listen(listener->fd, BACKLOG) == 0 &&
	    rename(birth.sun_path, address->sun_path) == 0) {
		memcpy(listener->path, address->sun_path, sizeof(listener->path));
		listener->device = status.st_dev;
		listener->inode = status.st_ino;
		return true;
	}
	unlink(birth.sun_path);
	return false;
}

static int open_unix(struct listener *listener, const char *path, mode_t mode, const char *group)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int code;

	if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path))
		return refuse(EX_USAGE, path, "the path of a socket has 1 to 107 bytes");
	memcpy(address.sun_path, path, strlen(path) + 1);
	code = check_path(&address);
	if (code != 0)
		return code;
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener->fd < 0 || !bind_and_name(listener, &address, mode, group))
		return refuse(EX_OSERR, path, strerror(errno));
	return 0;
}

static bool listen_on(int fd, const struct addrinfo *info)
{
	int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
}

/* "127.0.0.1:9000", "[::1]:9000", "localhost:9000". */
static int open_tcp(struct listener *listener, const char *address)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	const char *colon = strrchr(address, ':');
	struct addrinfo *info = NULL;
	char host[256];
	bool bracketed = address[0] == '[';
	size_t length;
	int error;

	if (colon == NULL || colon == address || (size_t)(colon - address) >= sizeof(host))
		return refuse(EX_USAGE, address, "an address is unix:PATH or HOST:PORT");
	length = (size_t)(colon - address);
	if (bracketed && (length < 3 || address[length - 1] != ']'))
		return refuse(EX_USAGE, address, "an IPv6 address is written [ADDRESS]:PORT");
	memcpy(host, address + bracketed, length - 2 * bracketed);
	host[length - 2 * bracketed] = '\0';
	error = getaddrinfo(host, colon + 1, &hints, &info);
	if (error != 0)
		return refuse(EX_NOHOST, address, gai_strerror(error));
	listener->tcp = true;
	listener->fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	error = listener->fd >= 0 && listen_on(listener->fd, info) ? 0 : errno;
	freeaddrinfo(info);
	return error == 0 ? 0 : refuse(EX_OSERR, address, strerror(error));
}

static int open_address(struct listener *listener, const char *address, mode_t mode,
    const char *group)
{
	if (address == NULL)
		return inherit(listener);
	if (strncmp(address, "unix:", 5) == 0)
		return open_unix(listener, address + 5, mode, group);
	return open_tcp(listener, address);
}

/* O_NONBLOCK is shared with whoever else holds the socket, and may be taken
 * back: then the timeout bounds an accept that another process has won. */
static bool never_blocks(int fd)
{
	const struct timeval bound = { .tv_sec = 1 };
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound)) == 0;
}

int listener_open(struct listener *listener, const char *address, mode_t mode, const char *group)
{
	struct listener opened = { .fd = -1 };
	int code = open_address(&opened, address, mode, group);

	if (code == 0 && !never_blocks(opened.fd))
		code = refuse(EX_OSERR, address, strerror(errno));
	if (code == 0)
		*listener = opened;
	else if (opened.fd >= 0)
		close(opened.fd);
	return code;
}

void listener_stop(const struct listener *listener)
{
	struct stat status;

	if (listener->path[0] == '\0')
		return;
	/* By now another process may have put its own socket there. */
	if (lstat(listener->path, &status) == 0 && status.st_dev == listener->device &&
	    status.st_ino == listener->inode)
		unlink(listener->path);
	shutdown(listener->fd, SHUT_RD);
}

void listener_close(const struct listener *listener)
{
	close(listener->fd);
}
