/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first and only program of the outer Linux: loads KVM, runs the launcher
 * with the arguments in /arguments (one a line), says how it ended and
 * switches the machine off.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 128

static void load(const char *file, const char *parameters)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || syscall(SYS_finit_module, fd, parameters, 0))
        perror(file);
    close(fd);
}

static void read_arguments(char **argv)
{
    FILE *file = fopen("/arguments", "r");
    char *line = NULL;
    size_t room = 0;
    int count = 1;

    while (file && count < ARGUMENTS_MAX && getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        argv[count++] = strdup(line);
    }
}

int main(void)
{
    static char launcher[] = "/launcher";
    char *argv[ARGUMENTS_MAX + 1] = {launcher};
    int status = 0;

    mount("dev", "/dev", "devtmpfs", 0, NULL);
    read_arguments(argv);
    load("/irqbypass.ko", "");
    load("/kvm.ko", "");
    /* Without APICv: see the README on interrupt delivery in Bochs. */
    load("/kvm-intel.ko", "nested=1 enable_apicv=0");
    printf("nested: start\n");
    fflush(stdout);
    if (!fork()) {
        execv(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    wait(&status);
    printf("nested: verdict %d\n",
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    fflush(stdout);
    sleep(1); /* the serial line is slow */
    reboot(RB_POWER_OFF);
}
