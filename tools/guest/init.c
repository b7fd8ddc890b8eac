/* SPDX-License-Identifier: BSD-2-Clause */
#include "init.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "harm.h"

struct settings {
    char name[32];
    bool heartbeat;
};

static void mount_all(void)
{
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
}

/* A module that does not load is told and lived without. */
static void load_module(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
        perror(path);
    if (fd >= 0)
        close(fd);
}

static void read_word(struct settings *settings, const char *word,
                      unsigned long *seed, size_t *mib)
{
    if (!strncmp(word, "bh.name=", 8))
        snprintf(settings->name, sizeof(settings->name), "%s", word + 8);
    else if (!strcmp(word, "bh.mode=heartbeat"))
        settings->heartbeat = true;
    else if (!strncmp(word, "bh.seed=", 8))
        *seed = strtoul(word + 8, NULL, 0);
    else if (!strncmp(word, "bh.size=", 8))
        *mib = strtoul(word + 8, NULL, 0);
}

static void read_command_line(struct settings *settings, unsigned long *seed,
                              size_t *mib)
{
    static char line[4096];
    int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);

    if (fd >= 0)
        close(fd);
    line[size > 0 ? size : 0] = '\0';
    for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
        read_word(settings, word, seed, mib);
}

/* Console input is for the program; its echo would mix with its answers. */
static void silence_echo(void)
{
    struct termios mode;

    if (tcgetattr(STDIN_FILENO, &mode))
        return;
    mode.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    tcsetattr(STDIN_FILENO, TCSANOW, &mode);
}

static void become_shell(void)
{
    int tty = open("/dev/ttyS0", O_RDWR);

    setsid();
    if (tty >= 0) {
        ioctl(tty, TIOCSCTTY, 1);
        dup2(tty, STDIN_FILENO);
        dup2(tty, STDOUT_FILENO);
        dup2(tty, STDERR_FILENO);
    }
    setenv("PATH", "/bin", 1);
    execl("/bin/busybox", "sh", "-c",
          "busybox --install -s /bin; exec busybox sh -i", NULL);
    perror("/bin/busybox");
    _exit(1);
}

/* Powers off when the shell ends; until then, buries orphans. */
static void run_shell(void)
{
    pid_t shell = fork();

    if (shell == 0)
        become_shell();
    while (shell > 0 && wait(NULL) != shell)
        ;
    sync();
    harm_power_off();
    for (;;)
        pause();
}

void init_run(unsigned long *seed, size_t *mib)
{
    struct settings settings = {.name = "guest"};

    mount_all();
    load_module("/modules/pvpanic.ko");
    load_module("/modules/pvpanic-mmio.ko");
    read_command_line(&settings, seed, mib);
    printf("init: %s up\n", settings.name);
    fflush(stdout);
    if (!settings.heartbeat)
        run_shell();
    silence_echo();
}
