/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first and only program of the outer Linux: loads KVM, runs the programs
 * that /arguments names, says how each ended and switches the machine off.
 * A line is one argument, the first of a run the program; "+" ends a run.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 256
#define PIPE_SIZE     (1 << 20) /* what Linux allows */

static void load(const char *file, const char *parameters)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || syscall(SYS_finit_module, fd, parameters, 0))
        perror(file);
    close(fd);
}

/* The next run's arguments, the program first; false when there is none. */
static bool read_run(FILE *file, char **argv)
{
    char *line = NULL;
    size_t room = 0;
    int count = 0;

    while (count < ARGUMENTS_MAX && getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (!strcmp(line, "+"))
            break;
        argv[count++] = strdup(line);
    }
    free(line);
    argv[count] = NULL;
    return count > 0;
}

/* Copies what a run prints to the console. The run must not wait for that,
 * or the processor that it plays stands still for a third of a second. */
static void copy(int from)
{
    char buffer[4096];
    ssize_t size;

    while ((size = read(from, buffer, sizeof(buffer))) > 0)
        if (write(STDOUT_FILENO, buffer, (size_t)size) != size)
            break;
    _exit(0);
}

static int run(char **argv)
{
    int status = 0, ends[2];
    pid_t program;

    if (pipe(ends) || fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE) < 0)
        perror("pipe");
    program = fork();
    if (!program) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    close(ends[1]);
    if (!fork())
        copy(ends[0]);
    close(ends[0]);
    waitpid(program, &status, 0);
    wait(NULL);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
    char *argv[ARGUMENTS_MAX + 1];
    FILE *file = fopen("/arguments", "re");
    int verdict = 0;

    mount("dev", "/dev", "devtmpfs", 0, NULL);
    mount("proc", "/proc", "proc", 0, NULL);
    load("/irqbypass.ko", "");
    load("/kvm.ko", "");
    /* Without APICv: see the README on interrupt delivery in Bochs. */
    load("/kvm-intel.ko", "nested=1 enable_apicv=0");
    printf("nested: start\n");
    fflush(stdout);
    for (int i = 0; file && read_run(file, argv); i++) {
        int status = run(argv);

        printf("nested: run %d ended with %d\n", i, status);
        fflush(stdout);
        verdict = status ? status : verdict;
    }
    printf("nested: verdict %d\n", verdict);
    fflush(stdout);
    sleep(1); /* the serial line is slow */
    reboot(RB_POWER_OFF);
}
