/* The listening socket: our own (unix or TCP), or one that a supervisor holds. */
#ifndef TOLLGATE_LISTENER_H
#define TOLLGATE_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

struct listener {
	int fd;         /* never blocks */
	bool inherited; /* others hold it too: never shut down, its path never removed */
	bool tcp;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* of a unix socket of our own, else "" */
	dev_t device;   /* what was at the path when it was ours */
	ino_t inode;
};

/* Listens as `-s` says: "unix:PATH" (mode and group applied before anybody can
 * connect, a dead socket of an earlier run is replaced, a live one is not) or
 * "HOST:PORT". `address` NULL: fd 0 when it is a listening socket, else the
 * first descriptor of sd_listen_fds(3). `group` may be NULL. 0, or an exit code
 * of sysexits.h after logging why. */
int listener_open(struct listener *listener, const char *address, mode_t mode, const char *group);

/* Nobody new comes to a unix socket of our own, its path is free; who waits in
 * the backlog can still be accepted. Does nothing to any other. */
void listener_stop(const struct listener *listener);
void listener_close(const struct listener *listener);

#endif
